within BatteryTwin;
package Chemistries "What a cell needs to know of its chemistry, as functions of the state of charge"
  partial package Chemistry "The questions that every chemistry answers"
    constant Types.Temperature T_reference = 298.15 "temperature of the tables";
    replaceable partial function ocv "open-circuit voltage at the reference temperature"
      input Types.Fraction soc;
      output Types.Voltage y;
    end ocv;
    replaceable partial function ocv_linear "the same table, piecewise linear"
      input Types.Fraction soc;
      output Types.Voltage y;
    end ocv_linear;
    replaceable partial function ocv_slope "its derivative by the state of charge"
      input Types.Fraction soc;
      output Types.Voltage y;
    end ocv_slope;
    replaceable partial function entropic "entropic coefficient, d ocv / d temperature"
      input Types.Fraction soc;
      output Types.EntropicCoefficient y;
    end entropic;
    replaceable partial function entropic_slope "its derivative by the state of charge"
      input Types.Fraction soc;
      output Types.EntropicCoefficient y;
    end entropic_slope;
    replaceable partial function ohmic "ohmic resistance over its value at half charge"
      input Types.Fraction soc;
      output Types.Fraction y;
    end ohmic;
    replaceable partial function ohmic_slope "its derivative by the state of charge"
      input Types.Fraction soc;
      output Types.Fraction y;
    end ohmic_slope;
    replaceable partial function polarisation "resistance of the RC pairs over its value at half charge"
      input Types.Fraction soc;
      output Types.Fraction y;
    end polarisation;
  end Chemistry;

  package LFP "LiFePO4 and graphite"
    extends Chemistry;

    function ocv_table "Prada et al. 2013 (doi:10.1149/2.053304jes), full cell, every 1 % of charge"
      output Types.Voltage table[101];
    algorithm
      table := {
        2.000000000, 2.265469766, 2.460020874, 2.602760292, 2.707734843, 2.785319247, 2.843245883, 2.887372717, 2.922251047, 2.951517376,
        2.978092095, 3.004142527, 3.030822489, 3.057993754, 3.084331159, 3.108029199, 3.127731448, 3.143032158, 3.154356391, 3.162543836,
        3.168489370, 3.172959190, 3.176542779, 3.179670659, 3.182650951, 3.185703145, 3.188982303, 3.192593373, 3.196597692, 3.201014503,
        3.205820604, 3.210951223, 3.216304671, 3.221752031, 3.227151343, 3.232363894, 3.237269296, 3.241776331, 3.245827936, 3.249400480,
        3.252498804, 3.255149052, 3.257391126, 3.259272020, 3.260840650, 3.262144267, 3.263226286, 3.264125193, 3.264874215, 3.265501472,
        3.266030409, 3.266480348, 3.266867077, 3.267203422, 3.267499769, 3.267764534, 3.268004579, 3.268225597, 3.268432469, 3.268629647,
        3.268821589, 3.269013331, 3.269211281, 3.269424408, 3.269666043, 3.269956645, 3.270327938, 3.270828906, 3.271533761, 3.272550840,
        3.274028287, 3.276146398, 3.279079547, 3.282913207, 3.287534342, 3.292574798, 3.297500921, 3.301826035, 3.305286205, 3.307862717,
        3.309690519, 3.310953636, 3.311821308, 3.312424812, 3.312857025, 3.313180234, 3.313434908, 3.313646888, 3.313832638, 3.314003035,
        3.314166527, 3.314333182, 3.314523026, 3.314787861, 3.315272315, 3.316387461, 3.319306267, 3.327378569, 3.350172821, 3.415021382,
        3.600000000};
    end ocv_table;

    function entropic_table "O'Regan et al. 2022, Gerver and Meyers 2011, every 5 % of charge (data/cells/lfp_by_soc.csv)"
      output Types.EntropicCoefficient table[21];
    algorithm
      table := {-2.2362e-4, -3.8629e-4, -4.8848e-4, -3.6996e-4, -1.9592e-4, -1.1463e-4, -8.8387e-5, -7.3692e-5,
        -6.1384e-5, -4.9974e-5, -3.8618e-5, -2.6763e-5, -1.4204e-5, -1.1016e-6, 1.2111e-5, 2.4927e-5, 3.7517e-5,
        5.1008e-5, 6.6690e-5, 8.4789e-5, 1.0237e-4};
    end entropic_table;

    function ohmic_table "assumed, every 5 % of charge: the ohmic part hardly depends on it"
      output Types.Fraction table[21];
    algorithm
      table := {1.30, 1.19, 1.12, 1.08, 1.05, 1.03, 1.02, 1.01, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.01,
        1.02, 1.03, 1.05, 1.08};
    end ohmic_table;

    function polarisation_table "assumed, every 5 % of charge: rises at both ends of the plateau"
      output Types.Fraction table[21];
    algorithm
      table := {3.00, 2.15, 1.60, 1.38, 1.25, 1.16, 1.10, 1.06, 1.03, 1.01, 1.00, 1.00, 1.00, 1.01, 1.02, 1.04, 1.06,
        1.10, 1.15, 1.30, 1.60};
    end polarisation_table;

    redeclare function extends ocv
    algorithm
      y := Tables.smooth(ocv_table(), soc);
    end ocv;
    redeclare function extends ocv_linear
    algorithm
      y := Tables.linear(ocv_table(), soc);
    end ocv_linear;
    redeclare function extends ocv_slope
    algorithm
      y := Tables.slope(ocv_table(), soc);
    end ocv_slope;
    redeclare function extends entropic
    algorithm
      y := Tables.smooth(entropic_table(), soc);
    end entropic;
    redeclare function extends entropic_slope
    algorithm
      y := Tables.slope(entropic_table(), soc);
    end entropic_slope;
    redeclare function extends ohmic
    algorithm
      y := Tables.smooth(ohmic_table(), soc);
    end ohmic;
    redeclare function extends ohmic_slope
    algorithm
      y := Tables.slope(ohmic_table(), soc);
    end ohmic_slope;
    redeclare function extends polarisation
    algorithm
      y := Tables.smooth(polarisation_table(), soc);
    end polarisation;
  end LFP;
end Chemistries;

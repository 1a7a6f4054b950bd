within ;
model ModuleElectrical "Cells in series with passive and active balancing; temperatures from outside, heat to there"
  import BatteryTwin.Types;
  import BatteryTwin.Electrical;
  import BatteryTwin.Cells;
  parameter Integer n = 16 "cells in series";
  parameter Types.Charge capacity_Ah[n] = fill(314, n) "charge of each cell between soc 0 and 1 (README: 1)";
  parameter Types.Fraction resistance_factor[n] = fill(1, n) "resistance of each cell over that of a new one";
  parameter Types.Fraction soc_start[n] = fill(0.5, n) "state of charge at the start";
  parameter Types.Current self_discharge_A[n] = fill(0.0044, n) "1 % of the charge in 30 days (README: 6)";
  parameter Types.Resistance bleed_ohm = 33 "bleed resistor of a cell (README: 7)";
  parameter Types.Resistance ohmic_ohm = 2.0e-4 "R0 at half charge, 298.15 K (README: 2)";
  parameter Types.Resistance fast_ohm = 1.2e-4 "R1, likewise (README: 2)";
  parameter Types.Resistance slow_ohm = 1.8e-4 "R2, likewise (README: 2)";
  parameter Types.Time fast_s = 20 "time constant R1*C1 (README: 3)";
  parameter Types.Time slow_s = 300 "time constant R2*C2 (README: 3)";
  parameter Types.Temperature ohmic_activation_K = 2000 "activation energy of R0 over the gas constant (README: 4)";
  parameter Types.Temperature polarisation_activation_K = 4000 "likewise, of R1 and R2 (README: 4)";
  input Types.Current current_A(start=0) "current of the module, positive discharges";
  input Types.Temperature temperature_K[n](each start=298.15) "temperatures of the cells";
  input Types.Fraction bleed[n](each start=0) "duty of each bleed resistor, 0..1";
  input Types.Current balancing_current_A[n](each start=0) "active balancing, positive discharges the cell";
  input Types.Conductance short_S[n](each start=0) "conductance of an internal short circuit";
  input Types.Resistance contact_ohm[n](each start=0) "extra contact resistance, inside of the measured cell voltage";
  input Types.Fraction capacity_factor[n](each start=1) "capacity today over capacity_Ah: ageing";
  input Types.Fraction resistance_growth[n](each start=1) "resistances today over those of resistance_factor: ageing";
  output Types.Voltage voltage_V "voltage of the module";
  output Types.Voltage cell_voltage_V[n] "measured voltages of the cells";
  output Types.Fraction soc[n] "states of charge";
  output Types.Energy heat_J[n] "heat generated in each cell since the start";
  output Types.Energy board_heat_J "heat of the bleed resistors since the start";
  output Types.Voltage emf_V "voltage of the module at zero current, now";
  output Types.Resistance resistance_ohm "-d voltage/d current, now";
  output Types.VoltageRate emf_slope_V_s "d emf/dt at zero current";
  output Types.Elastance elastance_V_As "-d(d emf/dt)/d current";
  output Types.CountedCharge charge_Ah "stored in all cells, now";
  output Types.CountedCharge delivered_Ah(start=0, fixed=true) "left every one of the cells in series at the terminals";
  output Types.CountedCharge balanced_Ah(start=0, fixed=true) "taken from all cells by the active balancing";
  output Types.CountedCharge bled_Ah(start=0, fixed=true) "taken from all cells by the bleed resistors";
  output Types.CountedCharge lost_Ah(start=0, fixed=true) "lost in all cells: self-discharge, short circuits";
  output Types.CountedEnergy stored_J(start=0, fixed=true) "stored in all cells, chemically and in the RC pairs";
  output Types.CountedEnergy delivered_J(start=0, fixed=true) "left at the terminals";
  output Types.CountedEnergy balanced_J(start=0, fixed=true) "taken from all cells by the active balancing";
  output Types.CountedEnergy short_heat_J(start=0, fixed=true) "heat of the short circuits, part of heat_J";
  output Types.CountedEnergy contact_heat_J(start=0, fixed=true) "heat of the contact resistances, part of heat_J";
  Cells.Position place[n](
    each final R_bleed=bleed_ohm,
    cell(
      final capacity=capacity_Ah,
      final R0=ohmic_ohm*resistance_factor,
      final R1=fast_ohm*resistance_factor,
      final R2=slow_ohm*resistance_factor,
      each final tau1=fast_s,
      each final tau2=slow_s,
      each final activation0=ohmic_activation_K,
      each final activation12=polarisation_activation_K,
      final self_discharge=self_discharge_A,
      final soc_start=soc_start));
  Electrical.Load load;
  Electrical.Ground ground;
  Types.Energy board_heat(start=0, fixed=true) "heat of the bleed resistors since the start";
equation
  load.current = current_A;
  connect(load.p, place[1].p);
  connect(load.n, place[n].n);
  connect(ground.p, place[n].n);
  for k in 1:n - 1 loop
    connect(place[k].n, place[k + 1].p);
  end for;
  for k in 1:n loop
    place[k].bleed = bleed[k];
    place[k].balancing = balancing_current_A[k];
    place[k].cell.T = temperature_K[k];
    place[k].cell.short = short_S[k];
    place[k].cell.contact = contact_ohm[k];
    place[k].cell.fade = capacity_factor[k];
    place[k].cell.growth = resistance_growth[k];
    cell_voltage_V[k] = place[k].v;
    soc[k] = place[k].cell.soc;
    heat_J[k] = place[k].cell.heat;
  end for;
  der(board_heat) = sum(place.resistor.heat);
  board_heat_J = board_heat;
  voltage_V = load.v;
  emf_V = sum(place.emf);
  resistance_ohm = sum(place.resistance);
  emf_slope_V_s = sum(place.emf_slope);
  elastance_V_As = sum(place.elastance);

  charge_Ah = sum(place.cell.charge_full .* place.cell.soc);
  der(delivered_Ah) = current_A/3600;
  der(balanced_Ah) = sum(balancing_current_A)/3600;
  der(bled_Ah) = sum(place.resistor.i)/3600;
  der(lost_Ah) = (sum(self_discharge_A) + sum(place.cell.i_short))/3600;
  der(stored_J) = -sum(place.cell.released);
  der(delivered_J) = voltage_V*current_A;
  der(balanced_J) = sum(place.v .* balancing_current_A);
  der(short_heat_J) = sum(place.cell.short_heat);
  der(contact_heat_J) = sum(place.cell.contact_heat);
end ModuleElectrical;

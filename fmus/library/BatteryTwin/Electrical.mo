within BatteryTwin;
package Electrical "What stands around the cells of a module"
  model Ground "Potential zero"
    Interfaces.Pin p;
  equation
    p.v = 0;
  end Ground;

  model Load "Draws a given current from what it is connected to"
    extends Interfaces.TwoPin;
    Interfaces.RealInput current(unit="A") "positive discharges";
  equation
    i = current;
  end Load;

  model SwitchedResistor "A resistor that is connected for a fraction of the time: passive balancing"
    extends Interfaces.TwoPin;
    parameter Types.Resistance R = 30 "resistance when connected";
    Interfaces.RealInput duty(unit="1") "fraction of the time, 0..1";
    Types.HeatFlow heat "heat generated in the resistor";
  equation
    i = duty*v/R;
    heat = v*i;
  end SwitchedResistor;
end Electrical;

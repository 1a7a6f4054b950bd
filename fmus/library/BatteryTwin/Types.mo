within BatteryTwin;
package Types "Quantities with their SI units"
  type Voltage = Real(final quantity="ElectricPotential", final unit="V");
  type Current = Real(final quantity="ElectricCurrent", final unit="A");
  type Resistance = Real(final quantity="Resistance", final unit="Ohm", min=0);
  type Conductance = Real(final quantity="Conductance", final unit="S", min=0);
  type Capacitance = Real(final quantity="Capacitance", final unit="F", min=0);
  type Elastance = Real(final unit="V/(A.s)") "of a voltage source: how fast its voltage falls per ampere";
  type VoltageRate = Real(final unit="V/s");
  type EntropicCoefficient = Real(final unit="V/K");
  type Charge = Real(final quantity="ElectricCharge", final unit="A.h", min=0);
  type Fraction = Real(final unit="1");
  type Time = Real(final quantity="Time", final unit="s", min=0);
  type Temperature = Real(final quantity="ThermodynamicTemperature", final unit="K", min=0, nominal=300);
  type HeatFlow = Real(final quantity="Power", final unit="W");
  type Energy = Real(final quantity="Energy", final unit="J", nominal=1000);
  type HeatCapacity = Real(final quantity="HeatCapacity", final unit="J/K", min=0);
  type ThermalConductance = Real(final quantity="ThermalConductance", final unit="W/K", min=0);
end Types;

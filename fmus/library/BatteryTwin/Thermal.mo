within BatteryTwin;
package Thermal "Lumped thermal networks"
  model HeatCapacitor "A body of one temperature"
    parameter Types.HeatCapacity C = 1000 "heat capacity";
    parameter Types.Temperature T_start = 298.15 "temperature at the start";
    Interfaces.HeatPort port;
    Interfaces.RealInput heat(unit="W") "heat generated inside";
    Types.Temperature T(start=T_start, fixed=true) "temperature";
  equation
    C*der(T) = port.Q_flow + heat;
    T = port.T;
  end HeatCapacitor;

  model Conductor "Heat conduction"
    extends Interfaces.TwoHeatPorts;
    parameter Types.ThermalConductance G = 1 "thermal conductance";
  equation
    Q_flow = G*(a.T - b.T);
  end Conductor;

  model ForcedConvection "Heat transfer to a flow that a fan drives"
    extends Interfaces.TwoHeatPorts;
    parameter Types.ThermalConductance G = 1 "thermal conductance at full flow";
    Interfaces.RealInput relative_flow(unit="1") "relative flow, 0..1";
  equation
    Q_flow = G*relative_flow*(a.T - b.T);
  end ForcedConvection;

  model FixedTemperature "A body too large to change its temperature: the surroundings"
    Interfaces.HeatPort port;
    Interfaces.RealInput T(unit="K") "temperature";
  equation
    port.T = T;
  end FixedTemperature;
end Thermal;

within BatteryTwin;
package Interfaces "Connectors and partial models"
  connector Pin "Electrical pin"
    Types.Voltage v "potential";
    flow Types.Current i "current into the component";
  end Pin;

  connector HeatPort "Thermal port"
    Types.Temperature T "temperature";
    flow Types.HeatFlow Q_flow "heat flow into the component";
  end HeatPort;

  connector RealInput = input Real "a signal into the component";
  connector RealOutput = output Real "a signal out of the component";

  partial model TwoPin "Anything between two pins"
    Pin p "positive pin";
    Pin n "negative pin";
    Types.Voltage v "voltage from p to n";
    Types.Current i "current from p to n";
  equation
    v = p.v - n.v;
    i = p.i;
    p.i + n.i = 0;
  end TwoPin;

  partial model TwoHeatPorts "Anything that heat flows through and that stores none"
    HeatPort a;
    HeatPort b;
    Types.HeatFlow Q_flow "heat flow from a to b";
  equation
    a.Q_flow = Q_flow;
    b.Q_flow = -Q_flow;
  end TwoHeatPorts;
end Interfaces;

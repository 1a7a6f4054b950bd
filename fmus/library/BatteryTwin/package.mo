within ;
package BatteryTwin "Equivalent-circuit and lumped thermal models of cells and modules; needs no other library"
  annotation (Documentation(info="
    Current is positive out of a cell (discharge) in every name that says so; the flow variable i of a pin is
    positive into the component, as everywhere in Modelica. Heat is positive into a thermal node."));
end BatteryTwin;

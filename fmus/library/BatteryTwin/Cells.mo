within BatteryTwin;
package Cells "Equivalent circuits of cells"
  model OneRC "A cell of one RC pair and constant parameters, for verification"
    // p --[R0]--[R1 | C1]--(ocv)-- n
    extends Interfaces.TwoPin;
    replaceable package Chemistry = Chemistries.LFP constrainedby Chemistries.Chemistry;
    parameter Types.Charge capacity = 280 "charge between soc 0 and 1";
    parameter Types.Resistance R0 = 3.8e-4 "ohmic";
    parameter Types.Resistance R1 = 2.0e-4 "of the RC pair";
    parameter Types.Time tau1 = 20 "time constant of the RC pair";
    parameter Types.EntropicCoefficient dUdT = -1e-4 "entropic coefficient";
    parameter Types.Fraction soc_start = 1 "state of charge at the start";
    Interfaces.RealInput T(unit="K") "temperature of the cell";
    Types.Fraction soc(start=soc_start, fixed=true) "state of charge";
    Types.Voltage u1(start=0, fixed=true) "overvoltage of the RC pair";
    Types.Voltage ocv "open-circuit voltage";
    Types.HeatFlow heat_flow "heat generated";
  equation
    ocv = Chemistry.ocv_linear(soc);
    v = ocv - u1 + R0*i;
    der(soc) = i/(3600*capacity);
    tau1*der(u1) = -R1*i - u1;
    heat_flow = R0*i^2 + u1^2/R1 + i*T*dUdT;
  end OneRC;

  model TwoRC "A cell of two RC pairs; temperature comes from outside, heat goes there"
    // p --[contact]--+--[r0]--[r1 | c1]--[r2 | c2]--(ocv)--+-- n
    //                +--------------[short]----------------+
    extends Interfaces.TwoPin;
    replaceable package Chemistry = Chemistries.LFP constrainedby Chemistries.Chemistry;
    parameter Types.Charge capacity = 314 "charge between soc 0 and 1";
    parameter Types.Resistance R0 = 2.0e-4 "ohmic, at half charge and reference temperature";
    parameter Types.Resistance R1 = 1.2e-4 "of the fast RC pair, likewise";
    parameter Types.Resistance R2 = 1.8e-4 "of the slow RC pair, likewise";
    parameter Types.Time tau1 = 20 "time constant of the fast RC pair";
    parameter Types.Time tau2 = 300 "time constant of the slow RC pair";
    parameter Types.Temperature activation0 = 2000 "activation energy over the gas constant, of R0";
    parameter Types.Temperature activation12 = 4000 "likewise, of R1 and R2";
    parameter Types.Current self_discharge = 0.0044 "current lost inside of the cell";
    parameter Types.Fraction soc_start = 0.5 "state of charge at the start";
    Interfaces.RealInput T(unit="K") "temperature of the cell";
    Interfaces.RealInput short(unit="S") "conductance of an internal short circuit";
    Interfaces.RealInput contact(unit="Ohm") "contact resistance within the measured voltage";
    Interfaces.RealInput fade(unit="1") "capacity today over that at the start";
    Interfaces.RealInput growth(unit="1") "resistances today over those at the start";
    Types.Fraction soc(start=soc_start, fixed=true) "state of charge";
    Types.Voltage u1(start=0, fixed=true) "overvoltage of the fast RC pair";
    Types.Voltage u2(start=0, fixed=true) "overvoltage of the slow RC pair";
    Types.Energy heat(start=0, fixed=true) "heat generated since the start";
    Types.Voltage ocv "open-circuit voltage at this temperature";
    Types.EntropicCoefficient dUdT "entropic coefficient";
    Types.Resistance r0 "resistances at this charge and temperature";
    Types.Resistance r1;
    Types.Resistance r2;
    Types.Voltage v_inner "voltage behind the contact resistance";
    Types.Current i_cell "discharge current of the electrodes, short circuit included";
    Types.Charge charge_full "charge between soc 0 and 1 today";
    Types.Current i_short "current of the short circuit";
    Types.HeatFlow short_heat "heat of the short circuit";
    Types.HeatFlow contact_heat "heat of the contact resistance";
    Types.HeatFlow released "energy that leaves the electrodes and the RC pairs, as current and as heat";
  protected
    Types.HeatFlow inner_heat "heat of the RC pairs, the reaction and the self-discharge";
    Real warmth0 "factors of temperature on resistances";
    Real warmth12;
  equation
    warmth0 = exp(activation0*(1/T - 1/Chemistry.T_reference));
    warmth12 = exp(activation12*(1/T - 1/Chemistry.T_reference));
    dUdT = Chemistry.entropic(soc);
    ocv = Chemistry.ocv(soc) + (T - Chemistry.T_reference)*dUdT;
    r0 = R0*growth*warmth0*Chemistry.ohmic(soc);
    r1 = R1*growth*warmth12*Chemistry.polarisation(soc);
    r2 = R2*growth*warmth12*Chemistry.polarisation(soc);

    v_inner = ocv - u1 - u2 - r0*i_cell;
    i_short = short*v_inner;
    i_cell = i_short - i;
    v = v_inner + contact*i;

    charge_full = capacity*fade;
    der(soc) = -(i_cell + self_discharge)/(3600*charge_full);
    tau1*der(u1) = r1*i_cell - u1;
    tau2*der(u2) = r2*i_cell - u2;

    inner_heat = u1^2/r1 + u2^2/r2 - i_cell*T*dUdT + self_discharge*ocv;
    short_heat = i_short*v_inner;
    contact_heat = contact*i^2;
    der(heat) = inner_heat + r0*i_cell^2 + contact_heat + short_heat;
    released = (ocv - u1 - u2)*i_cell + inner_heat;
  end TwoRC;

  model Position "A cell in its place: bleed resistor, balancing current, and what the place looks like from outside"
    // Inside, potentials count from a zero of its own: so a cell's current follows from the module's, not from the cell
    // before it, and neither rounding nor computing time runs through the whole chain of cells.
    extends Interfaces.TwoPin;
    replaceable package Chemistry = Chemistries.LFP constrainedby Chemistries.Chemistry;
    parameter Types.Resistance R_bleed = 33 "bleed resistor of the passive balancing";
    Interfaces.RealInput bleed(unit="1") "duty of the bleed resistor, 0..1";
    Interfaces.RealInput balancing(unit="A") "current of the active balancing, positive discharges";
    TwoRC cell(redeclare package Chemistry = Chemistry);
    Electrical.SwitchedResistor resistor(final R=R_bleed);
    Electrical.Load balancer;
    Electrical.Load outside "what flows through the place, as its parts see it";
    Electrical.Ground zero;
    // Seen from its pins at this instant the place is a source: v = emf - resistance*(discharge current).
    Types.Voltage emf "voltage at zero current";
    Types.Resistance resistance "-dv/d(discharge current)";
    Types.VoltageRate emf_slope "d emf/dt at zero current";
    Types.Elastance elastance "-d(d emf/dt)/d(discharge current)";
  protected
    Types.Fraction share "of the electrodes' current in a current through the terminals, with the short alone";
    Types.Fraction gain "likewise, with the short and the bleed resistor";
    Types.Voltage source "of the cell at its own terminals, without load";
    Types.Resistance r_source "its resistance there";
    Types.Current i_idle "current of the electrodes when no current flows through the place";
    Types.Voltage r0_slope_i "d(r0*i_idle)/d soc";
    Types.Voltage ocv_slope "d ocv/d soc at this temperature";
    Real soc_rate(unit="1/s") "d soc/dt at zero current";
  equation
    connect(cell.p, resistor.p);
    connect(cell.p, balancer.p);
    connect(cell.p, outside.p);
    connect(cell.n, resistor.n);
    connect(cell.n, balancer.n);
    connect(cell.n, outside.n);
    connect(cell.n, zero.p);
    outside.current = -i;
    v = cell.v;
    resistor.duty = bleed;
    balancer.current = balancing;

    share = 1/(1 + cell.r0*cell.short);
    source = share*(cell.ocv - cell.u1 - cell.u2);
    r_source = share*cell.r0 + cell.contact;
    gain = share/(1 + r_source*bleed/R_bleed);
    resistance = gain/share*r_source;
    emf = gain/share*(source - r_source*balancing);

    i_idle = share*(balancing + emf*bleed/R_bleed) + cell.short*source;
    soc_rate = -(i_idle + cell.self_discharge)/(3600*cell.charge_full);
    ocv_slope = Chemistry.ocv_slope(cell.soc) + (cell.T - Chemistry.T_reference)*Chemistry.entropic_slope(cell.soc);
    r0_slope_i = cell.r0/Chemistry.ohmic(cell.soc)*Chemistry.ohmic_slope(cell.soc)*i_idle;
    emf_slope = gain*((ocv_slope - r0_slope_i)*soc_rate - (cell.r1*i_idle - cell.u1)/cell.tau1
      - (cell.r2*i_idle - cell.u2)/cell.tau2);
    elastance = gain^2*((ocv_slope - r0_slope_i)/(3600*cell.charge_full) + cell.r1/cell.tau1 + cell.r2/cell.tau2);
  end Position;
end Cells;

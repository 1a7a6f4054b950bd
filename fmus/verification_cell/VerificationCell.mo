within ;
model VerificationCell "A cell whose exact solution is known: one RC pair, constant parameters, cell and jig as two bodies"
  import BatteryTwin.Types;
  import BatteryTwin.Thermal;
  import BatteryTwin.Electrical;
  import BatteryTwin.Cells;
  parameter Types.Fraction soc_start = 1 "state of charge at the start";
  parameter Types.Charge capacity_Ah = 280 "charge between soc 0 and 1";
  parameter Types.Resistance ohmic_ohm = 3.8e-4 "R0";
  parameter Types.Resistance fast_ohm = 2.0e-4 "R1";
  parameter Types.Time fast_s = 20 "time constant R1*C1, C1 = 100 kF";
  parameter Types.EntropicCoefficient entropic_V_K = -1e-4 "dU/dT, in the heat only";
  parameter Types.HeatCapacity cell_J_K = 6034.2 "5.34 kg of 1130 J/(kg.K)";
  parameter Types.HeatCapacity jig_J_K = 1500 "heat capacity of the jig";
  parameter Types.ThermalConductance cell_jig_W_K = 3 "from cell to jig";
  parameter Types.ThermalConductance jig_ambient_W_K = 4 "from jig to air";
  parameter Types.Temperature temperature_start_K = 298.15 "of cell and jig";
  input Types.Current current_A(start=0) "positive discharges";
  input Types.Temperature ambient_K(start=298.15) "temperature of the air";
  output Types.Voltage voltage_V "terminal voltage";
  output Types.Fraction soc "state of charge";
  output Types.Temperature temperature_K "temperature of the cell";
  output Types.Temperature jig_temperature_K "temperature of the jig";
  Cells.OneRC electrical(
    final capacity=capacity_Ah,
    final R0=ohmic_ohm,
    final R1=fast_ohm,
    final tau1=fast_s,
    final dUdT=entropic_V_K,
    final soc_start=soc_start);
  Electrical.Load load;
  Electrical.Ground ground;
  Thermal.HeatCapacitor cell(final C=cell_J_K, final T_start=temperature_start_K);
  Thermal.HeatCapacitor jig(final C=jig_J_K, final T_start=temperature_start_K);
  Thermal.Conductor cell_jig(final G=cell_jig_W_K);
  Thermal.Conductor jig_ambient(final G=jig_ambient_W_K);
  Thermal.FixedTemperature ambient;
equation
  load.current = current_A;
  connect(load.p, electrical.p);
  connect(load.n, electrical.n);
  connect(ground.p, electrical.n);
  electrical.T = cell.T;
  cell.heat = electrical.heat_flow;
  jig.heat = 0;
  ambient.T = ambient_K;
  connect(cell.port, cell_jig.a);
  connect(cell_jig.b, jig.port);
  connect(jig.port, jig_ambient.a);
  connect(jig_ambient.b, ambient.port);
  voltage_V = electrical.v;
  soc = electrical.soc;
  temperature_K = cell.T;
  jig_temperature_K = jig.T;
end VerificationCell;

within ;
model InverterControl "The inverter's side of the bus: it follows the battery's limits, upwards along a ramp"
  import BatteryTwin.Types;
  parameter Types.Time period_s = 1 "of the ECU's task";
  parameter Types.Count timeout_periods = 10 "without limits for so many periods it stops (README: 1)";
  parameter Types.PowerRate ramp_W_s = 500 "how fast a limit rises (README: 2)";
  parameter Types.Time follow_s = 0.5 "time constant with which the ramp ends, and comes down (README: 3)";
  parameter Types.Count counts = 256 "values of the heartbeat's counter";
  input Types.Current charge_A(start=0) "highest charging current that the battery allows";
  input Types.Current discharge_A(start=0) "highest discharging current that it allows";
  input Types.Voltage voltage_V(start=0) "of the battery";
  input Types.Time age_s(start=1e9) "of these limits";
  input Types.Count activation(start=0) "the how-manieth since power-on, from 1";
  output Types.Power power_limit_W[2] "highest charging and discharging power";
  output Types.Count counter "of the heartbeat";
  Types.Power allowed_W[2] "what the battery allows";
  Types.Power ramp_W[2](each start=0, each fixed=true) "what a limit has risen to";
equation
  allowed_W = noEvent(if age_s < timeout_periods * period_s then {charge_A, discharge_A} * floor(voltage_V) else {0, 0});
  for k in 1:2 loop
    der(ramp_W[k]) = noEvent(
      if allowed_W[k] > ramp_W[k] then ramp_W_s * tanh((allowed_W[k] - ramp_W[k]) / (ramp_W_s * follow_s))
      else (allowed_W[k] - ramp_W[k]) / follow_s);
    power_limit_W[k] = noEvent(min(ramp_W[k], allowed_W[k]));
  end for;
  counter = activation - counts * noEvent(floor(activation / counts));
end InverterControl;

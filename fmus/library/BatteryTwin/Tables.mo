within BatteryTwin;
package Tables "Interpolation in tables whose abscissae are evenly spaced from 0 to 1"
  function linear "Piecewise linear; beyond the ends the outer segments go on"
    input Real table[:];
    input Real u;
    output Real y;
  protected
    Integer last = size(table, 1) - 1;
    Real left[size(table, 1) - 1] "value at the left end of each segment";
    Real rise[size(table, 1) - 1] "of each segment";
    Real position;
    Integer k "segment, from 1";
  algorithm
    left := {table[j] for j in 1:last};
    rise := {table[j + 1] - table[j] for j in 1:last};
    position := u*last;
    k := integer(min(max(position + 1, 1), last));
    y := left[k] + (position - (k - 1))*rise[k];
  end linear;

  function smooth "Monotone cubic, once continuously differentiable; beyond the ends the end slopes go on"
    input Real table[:];
    input Real u;
    output Real y;
  protected
    Integer n = size(table, 1);
    Real c[size(table, 1) + 1, 4] "polynomial of each segment, one more at each end";
    Real s "position in the segment, 0..1 inside of the table";
    Integer k "segment, from 1";
  algorithm
    c := cubics(table);
    k := integer(min(max(u*(n - 1) + 2, 1), n + 1));
    s := u*(n - 1) - (k - 2);
    y := c[k, 1] + s*(c[k, 2] + s*(c[k, 3] + s*c[k, 4]));
  end smooth;

  function slope "Derivative of smooth by u"
    input Real table[:];
    input Real u;
    output Real y;
  protected
    Integer n = size(table, 1);
    Real c[size(table, 1) + 1, 4];
    Real s;
    Integer k;
  algorithm
    c := cubics(table);
    k := integer(min(max(u*(n - 1) + 2, 1), n + 1));
    s := u*(n - 1) - (k - 2);
    y := (n - 1)*(c[k, 2] + s*(2*c[k, 3] + s*3*c[k, 4]));
  end slope;

  function cubics "Coefficients of the cubic Hermite segments of a table, constant to cubic, and of a line at each end"
    input Real table[:];
    output Real c[size(table, 1) + 1, 4];
  protected
    Integer n = size(table, 1);
    Real d[size(table, 1)] "slope at each point, per segment";
    Real rise;
  algorithm
    d := slopes(table);
    c := zeros(n + 1, 4);
    c[1, 1] := table[1] - d[1];
    c[1, 2] := d[1];
    for k in 1:n - 1 loop
      rise := table[k + 1] - table[k];
      c[k + 1, 1] := table[k];
      c[k + 1, 2] := d[k];
      c[k + 1, 3] := 3*rise - 2*d[k] - d[k + 1];
      c[k + 1, 4] := d[k] + d[k + 1] - 2*rise;
    end for;
    c[n + 1, 1] := table[n];
    c[n + 1, 2] := d[n];
  end cubics;

  function slopes "Slope at each point of a table, per segment: the harmonic mean of both sides, 0 at an extremum"
    input Real table[:];
    output Real d[size(table, 1)];
  protected
    Integer n = size(table, 1);
    Real left;
    Real right;
  algorithm
    d[1] := table[2] - table[1];
    for k in 2:n - 1 loop
      left := table[k] - table[k - 1];
      right := table[k + 1] - table[k];
      d[k] := if left*right > 0 then 2*left*right/(left + right) else 0;
    end for;
    d[n] := table[n] - table[n - 1];
    annotation (Documentation(info="Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984) 300, equal spacing."));
  end slopes;
end Tables;

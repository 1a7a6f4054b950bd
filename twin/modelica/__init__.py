"""From Modelica to FMUs: front end, expression graph, C, FMI 2.0 and 3.0 archives, and a cache of what was built."""

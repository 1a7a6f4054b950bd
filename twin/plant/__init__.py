"""The FMUs of a cohort: pools, coupling of electrics and heat, the DC bus that joins modules and inverter."""

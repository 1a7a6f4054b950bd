"""The catalogue of fault codes, by who or what they are about; ``twin.bms.codes`` has them all."""

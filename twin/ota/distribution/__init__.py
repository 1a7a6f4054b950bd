"""From a site's gateway into the flash memories of its ECUs: UDS over ISO-TP, on the buses on which control goes on."""

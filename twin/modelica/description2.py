"""The model description of FMI 2.0: one variable a scalar."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from twin.modelica.interface import DATE, GENERATOR, Interface, Shown, document, optional, unit_definitions, value_text

TYPES = {"real": "Real", "integer": "Integer", "boolean": "Boolean"}
CAPABILITIES = {
    "canGetAndSetFMUstate": "true",
    "canSerializeFMUstate": "true",
    "providesDirectionalDerivative": "true",
}


def description(interface: Interface) -> str:
    """Return modelDescription.xml of FMI 2.0."""
    root = ET.Element(
        "fmiModelDescription",
        fmiVersion="2.0",
        modelName=interface.model.name,
        guid=interface.token,
        generationTool=GENERATOR,
        generationDateAndTime=DATE,
        variableNamingConvention="structured",
        numberOfEventIndicators="0",
    )
    for kind, extra in (("ModelExchange", {}), ("CoSimulation", {"canHandleVariableCommunicationStepSize": "true"})):
        element = ET.SubElement(root, kind, {"modelIdentifier": interface.identifier, **extra, **CAPABILITIES})
        ET.SubElement(ET.SubElement(element, "SourceFiles"), "File", name="fmi2.c")
    units = unit_definitions(interface.shown)
    if units is not None:
        root.append(units)
    ET.SubElement(ET.SubElement(root, "LogCategories"), "Category", name="logStatusError")
    ET.SubElement(root, "DefaultExperiment", startTime="0", stopTime="3600", tolerance="1e-6", stepSize="1")
    variables = ET.SubElement(root, "ModelVariables")
    index = _variables(interface, variables)
    _structure(interface, ET.SubElement(root, "ModelStructure"), index)
    return document(root)


def _variables(interface: Interface, parent: ET.Element) -> dict[int, int]:
    """Add all scalars; return the index, counted from 1, of every value reference."""
    index: dict[int, int] = {}
    for shown in interface.shown:
        for element, reference in enumerate(shown.references):
            index[reference] = len(index) + 1
            _scalar(parent, shown, element)
    for state in interface.states:
        for name, slot, reference in zip(state.variable.scalars, state.variable.slots, state.references, strict=True):
            derivative = interface.derivative_reference(slot)
            index[derivative] = len(index) + 1
            scalar = ET.SubElement(
                parent,
                "ScalarVariable",
                name=f"der({name})",
                valueReference=str(derivative),
                causality="local",
                variability="continuous",
                initial="calculated",
            )
            ET.SubElement(scalar, "Real", derivative=str(index[reference]))
    return index


def _scalar(parent: ET.Element, shown: Shown, element: int) -> None:
    variable = shown.variable
    scalar = ET.SubElement(
        parent,
        "ScalarVariable",
        optional(
            name=variable.scalars[element],
            valueReference=str(shown.references[element]),
            description=variable.description,
            causality=shown.causality,
            variability=shown.variability,
            initial=shown.initial,
        ),
    )
    start = None if variable.start is None else value_text(variable, variable.start[element])
    ET.SubElement(scalar, TYPES[variable.kind], optional(start=start, **dict(_real_attributes(shown, element))))


def _real_attributes(shown: Shown, element: int) -> Iterator[tuple[str, str]]:
    variable = shown.variable
    if variable.kind == "real" and variable.unit:
        yield "unit", variable.unit
    for name, values in (("min", variable.minimum), ("max", variable.maximum), ("nominal", variable.nominal)):
        if variable.kind == "real" and values is not None:
            yield name, repr(float(values[element]))


def _structure(interface: Interface, parent: ET.Element, index: dict[int, int]) -> None:
    outputs = [
        (reference, interface.node(shown, element))
        for shown in interface.outputs
        for element, reference in enumerate(shown.references)
    ]
    rates = [(interface.derivative_reference(slot), node) for slot, node in enumerate(interface.model.derivatives)]
    for name, unknowns in (("Outputs", outputs), ("Derivatives", rates)):
        if unknowns:
            element = ET.SubElement(parent, name)
        for reference, node in unknowns:
            dependencies = " ".join(str(i) for i in sorted(index[r] for r in interface.dependencies([node])))
            ET.SubElement(element, "Unknown", index=str(index[reference]), dependencies=dependencies)
    initial = sorted({index[reference] for reference in _initial_unknowns(interface)})
    if initial:
        element = ET.SubElement(parent, "InitialUnknowns")
        for number in initial:
            ET.SubElement(element, "Unknown", index=str(number))


def _initial_unknowns(interface: Interface) -> Iterator[int]:
    """Yield what is calculated at initialisation: outputs, derivatives, computed parameters and start values."""
    for shown in interface.shown:
        wanted = shown.causality in ("output", "calculatedParameter") or shown.variable.role == "state"
        if wanted and shown.initial == "calculated":
            yield from shown.references
    for slot in range(len(interface.model.states)):
        yield interface.derivative_reference(slot)

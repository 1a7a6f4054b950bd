"""The model description of FMI 3.0: an array is one variable with dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from twin.modelica.graph import Node
from twin.modelica.interface import DATE, GENERATOR, Interface, Shown, document, optional, unit_definitions, value_text
from twin.modelica.model import Variable

TYPES = {"real": "Float64", "integer": "Int32", "boolean": "Boolean"}
CAPABILITIES = {
    "canGetAndSetFMUState": "true",
    "canSerializeFMUState": "true",
    "providesDirectionalDerivatives": "true",
    "providesAdjointDerivatives": "true",
}


def description(interface: Interface) -> str:
    """Return modelDescription.xml of FMI 3.0."""
    root = ET.Element(
        "fmiModelDescription",
        fmiVersion="3.0",
        modelName=interface.model.name,
        instantiationToken=interface.token,
        generationTool=GENERATOR,
        generationDateAndTime=DATE,
        variableNamingConvention="structured",
    )
    for kind, extra in (("ModelExchange", {}), ("CoSimulation", {"canHandleVariableCommunicationStepSize": "true"})):
        ET.SubElement(root, kind, {"modelIdentifier": interface.identifier, **extra, **CAPABILITIES})
    units = unit_definitions(interface.shown)
    if units is not None:
        root.append(units)
    ET.SubElement(ET.SubElement(root, "LogCategories"), "Category", name="logStatusError")
    ET.SubElement(root, "DefaultExperiment", startTime="0", stopTime="3600", tolerance="1e-6", stepSize="1")
    variables = ET.SubElement(root, "ModelVariables")
    ET.SubElement(
        variables, "Float64", name="time", valueReference="0", causality="independent", variability="continuous"
    )
    for shown in interface.shown:
        _variable(variables, shown)
    for state in interface.states:
        _derivative(variables, interface, state)
    _structure(interface, ET.SubElement(root, "ModelStructure"))
    return document(root)


def build_description(interface: Interface) -> str:
    """Return sources/buildDescription.xml of FMI 3.0."""
    root = ET.Element("fmiBuildDescription", fmiVersion="3.0")
    configuration = ET.SubElement(root, "BuildConfiguration", modelIdentifier=interface.identifier)
    files = ET.SubElement(configuration, "SourceFileSet", language="C11")
    ET.SubElement(files, "SourceFile", name="fmi3.c")
    return document(root)


def array_slots(interface: Interface) -> list[list[int]]:
    """Return, for every value reference, the places of the elements behind it; none for the rest of an array."""
    count = interface.derivative_reference(len(interface.model.states))
    slots: list[list[int]] = [[] for _ in range(count)]
    slots[0] = [0]
    for shown in interface.shown:
        slots[shown.references[0]] = list(shown.references)
    for state in interface.states:
        derivatives = [interface.derivative_reference(slot) for slot in state.variable.slots]
        slots[derivatives[0]] = derivatives
    return slots


def _variable(parent: ET.Element, shown: Shown) -> None:
    variable = shown.variable
    start = None if variable.start is None else " ".join(value_text(variable, value) for value in variable.start)
    attributes = optional(
        name=variable.name,
        valueReference=str(shown.references[0]),
        description=variable.description,
        causality=shown.causality,
        variability=shown.variability,
        initial=shown.initial,
        start=start,
        **dict(_real_attributes(variable)),
    )
    _dimensions(ET.SubElement(parent, TYPES[variable.kind], attributes), variable)


def _real_attributes(variable: Variable) -> Iterator[tuple[str, str]]:
    if variable.kind == "real" and variable.unit:
        yield "unit", variable.unit
    for name, values in (("min", variable.minimum), ("max", variable.maximum), ("nominal", variable.nominal)):
        if variable.kind == "real" and values is not None and len(set(values)) == 1:
            yield name, repr(float(values[0]))


def _derivative(parent: ET.Element, interface: Interface, state: Shown) -> None:
    element = ET.SubElement(
        parent,
        "Float64",
        name=f"der({state.variable.name})",
        valueReference=str(interface.derivative_reference(state.variable.slots[0])),
        causality="local",
        variability="continuous",
        initial="calculated",
        derivative=str(state.references[0]),
    )
    _dimensions(element, state.variable)


def _dimensions(element: ET.Element, variable: Variable) -> None:
    for size in variable.dimensions:
        ET.SubElement(element, "Dimension", start=str(size))


def _structure(interface: Interface, parent: ET.Element) -> None:
    model = interface.model
    first = {reference: shown.references[0] for shown in interface.shown for reference in shown.references}

    def dependencies(nodes: Iterable[Node]) -> str:
        return " ".join(str(r) for r in sorted({first[r] for r in interface.dependencies(nodes)}))

    for shown in interface.outputs:
        nodes = [interface.node(shown, element) for element in range(len(shown.references))]
        ET.SubElement(parent, "Output", valueReference=str(shown.references[0]), dependencies=dependencies(nodes))
    for state in interface.states:
        derivative = str(interface.derivative_reference(state.variable.slots[0]))
        nodes = [model.derivatives[slot] for slot in state.variable.slots]
        ET.SubElement(parent, "ContinuousStateDerivative", valueReference=derivative, dependencies=dependencies(nodes))
    for reference in _initial_unknowns(interface):
        ET.SubElement(parent, "InitialUnknown", valueReference=str(reference))


def _initial_unknowns(interface: Interface) -> Iterator[int]:
    for shown in interface.shown:
        wanted = shown.causality in ("output", "calculatedParameter") or shown.variable.role == "state"
        if wanted and shown.initial == "calculated":
            yield shown.references[0]
    for state in interface.states:
        yield interface.derivative_reference(state.variable.slots[0])

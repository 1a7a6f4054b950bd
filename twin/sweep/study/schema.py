"""The JSON Schema of studies, for editors."""

from __future__ import annotations

import json

from twin.sweep.study.study import Study


def schema_text() -> str:
    """Return the JSON Schema of the studies that this installation understands, its plug-ins included."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

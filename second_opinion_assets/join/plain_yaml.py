"""YAML of plain values alone, as JSON has them: nothing is guessed at, repeated or built."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

_TIME = "tag:yaml.org,2002:timestamp"


class PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
    """Reads a document; a date stays text, an alias or a key that is there twice is an error.

    Aliases let a few lines stand for more than memory holds; what tables share are `defaults`.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 (without types)
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            msg = f"the alias *{event.anchor} is not read; write out what it stands for"
            raise yaml.composer.ComposerError(None, None, msg, event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ANN401, FBT001, FBT002 (its signature)
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                msg = f"the key {key!r} is no text; put it into quotes"
                raise yaml.constructor.ConstructorError(None, None, msg, key_node.start_mark)
            if key in seen:
                msg = f"the key {key!r} is there twice; leave out one"
                raise yaml.constructor.ConstructorError(None, None, msg, key_node.start_mark)
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIME]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

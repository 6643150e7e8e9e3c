"""The store of values that agents and their users share, each tenant apart."""

import hashlib
from typing import Any

from callboard.agents import checkpoints
from callboard.agents.errors import ItemNotFoundError, NotOfferedError
from callboard.agents.models import Item, ItemKey, ItemSearch, NamespaceSearch, NewItem
from callboard.database import Database
from callboard.errors import InvalidInputError
from callboard.identity import Caller

OPERATORS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})


def put(db: Database, caller: Caller, request: NewItem) -> None:
    """Remember a value, instead of the one of the same key if there is one.

    Raises:
        NotOfferedError: It is to be found by meaning, or to be forgotten after a time.
    """
    if request.ttl is not None or (request.index is not None and request.index is not False):
        raise NotOfferedError("The store neither indexes values nor forgets them after a time.")
    checkpoints.store(db).put(_inside(caller, request.namespace), request.key, dict(request.value))


def get(db: Database, caller: Caller, key: ItemKey) -> Item:
    """Return a value.

    Raises:
        ItemNotFoundError: There is none for the caller's tenant.
    """
    found = checkpoints.store(db).get(_inside(caller, key.namespace), key.key)
    if found is None:
        raise ItemNotFoundError
    return _view(found)


def delete(db: Database, caller: Caller, key: ItemKey) -> None:
    """Forget a value, if there is one."""
    checkpoints.store(db).delete(_inside(caller, key.namespace), key.key)


def search(db: Database, caller: Caller, request: ItemSearch) -> list[Item]:
    """Return values under a prefix.

    Raises:
        NotOfferedError: They are to be found by meaning.
        InvalidInputError: The filter compares in a way that there is not.
    """
    if request.query:
        raise NotOfferedError("The store is not searched by meaning; use namespace_prefix and filter.")
    wanted = [value for value in (request.filter or {}).values() if isinstance(value, dict)]
    unknown = sorted({operator for value in wanted for operator in value} - OPERATORS)
    if unknown:
        raise InvalidInputError("The filter has unknown operators.", details={"unknown": unknown})
    found = checkpoints.store(db).search(
        _inside(caller, request.namespace_prefix),
        filter=request.filter or None,
        limit=request.limit,
        offset=request.offset,
    )
    return [_view(item) for item in found]


def namespaces(db: Database, caller: Caller, request: NamespaceSearch) -> list[list[str]]:
    """Return the namespaces that hold values."""
    found = checkpoints.store(db).list_namespaces(
        prefix=_inside(caller, request.prefix or []),
        suffix=tuple(request.suffix) if request.suffix else None,
        max_depth=request.max_depth + 1 if request.max_depth is not None else None,
        limit=request.limit,
        offset=request.offset,
    )
    return [list(namespace[1:]) for namespace in found if len(namespace) > 1]


def _inside(caller: Caller, namespace: list[str]) -> tuple[str, ...]:
    """Return the namespace under the caller's tenant.

    The library joins namespaces with dots and searches them by how they begin, so the tenant's part is of one length
    for all: no tenant's name can be the beginning of another's.
    """
    return (hashlib.sha256(caller.tenant.encode()).hexdigest(), *namespace)


def _view(item: Any) -> Item:
    return Item(
        namespace=list(item.namespace[1:]),
        key=item.key,
        value=item.value,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )

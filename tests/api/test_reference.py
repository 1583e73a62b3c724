from __future__ import annotations

import inspect
import typing

import pytest

from tlsync.api.reference import Method, methods
from tlsync.api.routes import Lifetime, Repeat

from .conftest import MakeClient

_NAMES = """
    summarize gist generate analyze_stream analyze
    tasks.list tasks.create tasks.retrieve tasks.delete
    indexes.list indexes.create indexes.retrieve indexes.update indexes.delete
    assets.list assets.create assets.retrieve assets.delete
    multipart_upload.list_incomplete_uploads multipart_upload.create multipart_upload.get_status
    multipart_upload.report_chunk_batch multipart_upload.get_additional_presigned_urls
    entity_collections.list entity_collections.create entity_collections.retrieve entity_collections.delete
    entity_collections.update manage_entities.list_all_entities embed.create search.create search.retrieve
    embed.tasks.list embed.tasks.create embed.tasks.status embed.tasks.retrieve
    embed.v_2.create embed.v_2.tasks.list embed.v_2.tasks.create embed.v_2.tasks.retrieve
    entity_collections.entities.list entity_collections.entities.create entity_collections.entities.create_bulk
    entity_collections.entities.retrieve entity_collections.entities.delete entity_collections.entities.update
    entity_collections.entities.create_assets entity_collections.entities.delete_assets
    indexes.indexed_assets.list indexes.indexed_assets.create indexes.indexed_assets.retrieve
    indexes.indexed_assets.delete indexes.indexed_assets.update
    indexes.videos.list indexes.videos.retrieve indexes.videos.delete indexes.videos.update
    tasks.transfers.create tasks.transfers.get_status tasks.transfers.get_logs
"""
REFERENCE = _NAMES.split()
LATER = {f"analyze_async.tasks.{name}" for name in ("create", "list", "retrieve", "delete", "cancel")}

every = pytest.mark.parametrize("method", methods().values(), ids=list(methods()))


def test_the_60_methods_of_the_reference_are_there() -> None:
    assert len(REFERENCE) == 60
    assert {name for name, method in methods().items() if method.in_reference} == set(REFERENCE)
    assert set(methods()) - set(REFERENCE) == LATER


@every
def test_a_method_is_reached_by_its_name(method: Method, make_client: MakeClient) -> None:
    client, _ = make_client()
    assert getattr(method.bind(client), "__func__", None) is method.function


@every
def test_a_method_says_what_it_does(method: Method) -> None:
    assert method.summary.endswith(".")


@every
def test_types_can_be_read_from_the_signature(method: Method) -> None:
    signature = method.signature
    assert "self" not in signature.parameters
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty and not isinstance(parameter.annotation, str)
    assert "return" in typing.get_type_hints(method.function)


@every
def test_the_places_of_the_path_are_the_parameters_before_the_star(method: Method) -> None:
    positional = [
        name
        for name, parameter in method.signature.parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert positional == [part[1:-1] for part in method.template.split("/") if part.startswith("{")]


@every
def test_what_is_on_its_way_out_names_what_to_use(method: Method) -> None:
    assert bool(method.instead) is (method.lifetime is not Lifetime.LIVE)


def test_what_deletes_and_what_costs() -> None:
    assert {name for name, method in methods().items() if method.deletes} == {
        name for name in methods() if name.rpartition(".")[2] in ("delete", "delete_assets")
    }
    assert {name for name, method in methods().items() if method.costs_money} == {
        *("summarize", "gist", "generate", "analyze", "analyze_stream", "analyze_async.tasks.create"),
        *("search.create", "tasks.create", "tasks.transfers.create", "indexes.indexed_assets.create"),
        *("embed.create", "embed.tasks.create", "embed.v_2.create", "embed.v_2.tasks.create"),
    }


def test_which_posts_may_be_repeated() -> None:
    posts = {name: method.route.repeat for name, method in methods().items() if method.verb == "POST"}
    assert {name for name, repeat in posts.items() if repeat is Repeat.HARMLESS} == {
        "multipart_upload.report_chunk_batch",
        "multipart_upload.get_additional_presigned_urls",
        "analyze_async.tasks.cancel",
    }
    assert {name for name, repeat in posts.items() if repeat is Repeat.COSTS} == {
        *("summarize", "gist", "generate", "analyze", "analyze_stream", "search.create"),
        *("embed.create", "embed.v_2.create"),
    }

"""The graph of an agent: recall, think, act, wait or ask, think again, finish."""

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from callboard.agents import nodes
from callboard.agents.nodes import Look, Recall, StepContext
from callboard.agents.state import State
from callboard.agents.toolbox import specifications

type Graph = CompiledStateGraph[State, StepContext, State, State]


def build_graph(
    model: BaseChatModel | None,
    tools: Sequence[str],
    checkpointer: BaseCheckpointSaver[Any] | None,
    *,
    prompt: str = "",
    remember: Recall | None = None,
    look: Look | None = None,
) -> Graph:
    """Build an agent's graph.

    Args:
        model: What thinks; None for a graph that is only read.
        tools: Names of the tools that the model may call: those of the registry, and those that steer the agent.
        checkpointer: Where the state is stored after each super-step.
        prompt: What the model is told before everything else.
        remember: Makes the first message of a new brief.
        look: Adds pictures to that message each time that the model is asked.
    """
    bound_model = model.bind_tools(specifications(tools)) if model is not None else None
    graph = StateGraph(State, StepContext)
    graph.add_node("recall", nodes.bound(nodes.recall, remember=remember))
    graph.add_node("think", nodes.bound(nodes.think, model=bound_model, prompt=prompt, look=look))
    graph.add_node("act", nodes.bound(nodes.act, tools=tools))
    graph.add_node("wait", nodes.bound(nodes.wait))
    graph.add_node("approve", nodes.bound(nodes.approve))
    graph.add_node("finish", nodes.bound(nodes.finish))
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "think")
    graph.add_conditional_edges("think", nodes.route_thought)
    graph.add_conditional_edges("act", nodes.route_action)
    graph.add_edge("wait", "think")
    graph.add_edge("approve", "think")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer)


def drawn() -> dict[str, Any]:
    """Return the graph's nodes and edges, which are the same for every assistant."""
    return build_graph(None, (), None).get_graph().to_json()

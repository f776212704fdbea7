"""The page as gradio's Blocks, with what these leave open: what is sent to an endpoint, and who calls by MCP."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
from gradio.mcp import GradioMCPServer

from tracer.ui import parameters
from tracer.ui.agents import Agents


class Page(gr.Blocks):
    """Blocks whose endpoints name a parameter that is missing or no file; gradio's own fail without a word."""

    _agents: Agents | None = None

    @property
    def mcp_server_obj(self) -> Agents | None:
        """The MCP server, which gradio makes and puts here at the launch."""
        return self._agents

    @mcp_server_obj.setter
    def mcp_server_obj(self, server: GradioMCPServer | None) -> None:
        self._agents = Agents(self) if server else None  # gradio has no place to name one's own

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> list[Any]:
        """Hand on what was sent; a `gr.Error` is shown to whoever sent it."""
        if len(inputs) < len(block_fn.inputs):
            names = list(inspect.signature(block_fn.fn).parameters)
            raise gr.Error(f"{names[len(inputs)]}: it is missing.", print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, *rest, **named)
        except gr.Error:
            raise
        except Exception:  # all but the image goes through as it is
            if block_fn.api_visibility != "public":
                raise
            raise gr.Error(parameters.NO_IMAGE, print_exception=False) from None

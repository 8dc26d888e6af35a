"""A device that is not there: on the CPU, code for CUDA runs as on a GPU whose memory the CPU can't reach.

Within ``FarDevice()`` tensors that are made on, or moved to, ``cuda`` are CPU tensors with a mark. What a GPU would
refuse is refused: operations on tensors of both sides, NumPy's view of a far one, random numbers of the CPU's
generators there. Results are those of the CPU, and ``tensor.device`` says ``cuda``, so that the code takes its way for
GPUs. It tells nothing of speed, memory, or the kernels of a real GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_MARK = "_far"
CUDA = torch.device("cuda", 0)
CPU = torch.device("cpu")

_MOVES = frozenset({"to", "cpu", "cuda", "type", "copy_", "type_as"})
_NUMPY = frozenset({"numpy", "__array__"})


def is_far(tensor: torch.Tensor) -> bool:
    """Whether it lies on the device that is not there."""
    return bool(tensor.__dict__.get(_MARK, False))


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _named_device(arguments: Iterable[Any]) -> torch.device | None:
    """The device among arguments of a call."""
    for value in arguments:
        if isinstance(value, torch.device):
            return value
        if isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda"):
            return torch.device(value)
    return None


class FarDevice(TorchFunctionMode):
    """While it is entered, ``cuda`` stands for memory of its own.

    Attributes:
        count: tensors that were made there; a test asks that there were some.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name == "__get__" and func == torch.Tensor.device.__get__:  # type: ignore[attr-defined]
            return CUDA if is_far(args[0]) else CPU
        if name == "__get__" and func == torch.Tensor.is_cuda.__get__:  # type: ignore[attr-defined]
            return is_far(args[0])
        given = list(_tensors((args, kwargs)))
        far = any(is_far(tensor) for tensor in given)
        if name in _NUMPY and far:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
        target = None if name == "__get__" else _named_device((*args, *kwargs.values()))
        if name in ("cpu", "cuda"):
            target = torch.device(name)
        if name not in _MOVES:
            self._refuse_both_sides(name, args, kwargs, given)
        if isinstance(kwargs.get("generator"), torch.Generator) and (far if target is None else target.type == "cuda"):
            raise RuntimeError(f"{name}: expected a 'cuda' device type for generator but found 'cpu'")
        if target is not None and target.type == "cuda":
            args = tuple(CPU if _is_device(value) else value for value in args)
            kwargs = {key: CPU if _is_device(value) else value for key, value in kwargs.items()}
        result = given[0].clone() if name == "cuda" else func(*args, **kwargs)
        if name == "copy_":
            return result
        if target is not None and name in _MOVES and result is given[0] and (target.type == "cuda") != far:
            result = given[0].clone()
        there = far if target is None else target.type == "cuda"
        for tensor in _tensors(result if isinstance(result, torch.Tensor | list | tuple) else ()):
            setattr(tensor, _MARK, there)
            self.count += there
        return result

    def _refuse_both_sides(self, name: str, args: Any, kwargs: Any, given: list[torch.Tensor]) -> None:
        if name == "__getitem__" or (name == "__setitem__" and (args[2] is None or not _big(args[2]))):
            if not is_far(args[0]) and any(is_far(tensor) and tensor.dim() for tensor in given):
                raise RuntimeError(f"{name}: indices should be on the CPU, as the indexed tensor is")
            return
        if name == "__setitem__":
            plain = not any(True for _ in _tensors((args[1],)))
            given = [args[0]] if plain else [args[0], args[2]]
        sides = {is_far(tensor) for tensor in given if tensor.dim()}
        if len(sides) > 1:
            shapes = ", ".join(f"{tuple(t.shape)} {'cuda' if is_far(t) else 'cpu'}" for t in given)
            raise RuntimeError(f"{name}: expected all tensors to be on the same device: {shapes}")
        if sides == {False} and any(is_far(tensor) for tensor in given):
            raise RuntimeError(f"{name}: a single value on cuda with a tensor on the CPU")


def _is_device(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value.split(":")[0] == "cuda")


def _big(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 0

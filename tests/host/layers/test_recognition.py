"""Operators that kernels are written for are found, with what is fused into them and in the forms that they want."""

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax
from tvm.script import relax as R  # noqa: N812 - TVM's own spelling

from host.kernels.epilogue import Step
from host.kernels.forms import Form
from host.kernels.specs import Convolution, Emitted, Lrn, Pointwise, Pooling, Softmax
from host.layers.recognition import recognise

op = relax.op


def network(body: Callable[[relax.BlockBuilder, Any], Any], *shape: int) -> Any:
    """A Relax module of one input."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", R.Tensor(shape or (1, 8, 6, 6), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = builder.emit_output(body(builder, x))
        builder.emit_func_output(result)
    return builder.finalize()


def constant(*shape: int) -> Any:
    return relax.const(np.random.default_rng(0).standard_normal(shape).astype("float32"))


def specs(module: Any) -> list[Emitted]:
    return list(recognise(module).specs)


def left(module: Any) -> list[str]:
    """Operators that stay TVM's own."""
    main = recognise(module).module["main"]
    values = [binding.value for block in main.body.blocks for binding in block.bindings]
    names = [str(value.op.name) for value in values if isinstance(value, relax.Call)]
    return [name for name in names if name != "relax.call_dps_packed"]


def convolution(
    builder: relax.BlockBuilder, x: Any, channels: int = 8, size: int = 3, **attributes: Any
) -> Any:
    weights = constant(channels, int(x.ty.shape[1]) // attributes.get("groups", 1), size, size)
    return builder.emit(op.nn.conv2d(x, weights, padding=size // 2, **attributes))


def test_bias_and_activation_are_fused_into_a_convolution() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        biased = builder.emit(op.add(convolution(builder, x), constant(1, 8, 1, 1)))
        return builder.emit(op.clip(biased, 0.0, 6.0))

    change, spec, back = specs(network(body))
    assert isinstance(spec, Convolution)
    assert spec.epilogue.operands == (None,)
    assert spec.epilogue.steps == (
        Step(operation="add", operands=("x", "o0")),
        Step(operation="maximum", operands=("s0", 0.0)),
        Step(operation="minimum", operands=("s1", 6.0)),
    )
    assert isinstance(change, Pointwise)
    assert change.output == spec.input == Form(channels=8, height=6, width=6, halo=(1, 1))
    assert isinstance(back, Pointwise)
    assert back.output.layout == "channels-first"


def test_a_residual_add_is_fused_where_its_other_side_is_already_there() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        first = convolution(builder, x)
        second = convolution(builder, first, size=1)
        return builder.emit(op.nn.relu(builder.emit(op.add(second, first))))

    _, first, second, _ = specs(network(body))
    assert isinstance(second, Convolution)
    assert second.epilogue.operands == (first.output,)
    assert [step.operation for step in second.epilogue.steps] == ["add", "maximum"]


def test_what_somebody_else_reads_is_not_fused_away() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        conv = convolution(builder, x)
        activated = builder.emit(op.nn.relu(conv))
        return builder.emit(op.concat([conv, activated], axis=1))

    _, conv, relu, concat, _ = specs(network(body))
    assert conv.epilogue.steps == ()
    assert isinstance(relu, Pointwise)
    assert isinstance(concat, Pointwise)
    assert len(concat.inputs) == 2


def test_a_gate_of_one_pixel_is_an_operand_of_its_own_form() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        conv = convolution(builder, x)
        gate = builder.emit(op.sigmoid(builder.emit(op.mean(conv, axis=[2, 3], keepdims=True))))
        return builder.emit(op.multiply(conv, gate))

    _, _, mean, multiply, _ = specs(network(body))
    assert isinstance(mean, Pooling)
    assert [step.operation for step in mean.epilogue.steps] == ["sigmoid"]
    assert isinstance(multiply, Pointwise)
    assert multiply.epilogue.operands == (Form(channels=8),)


def test_a_swish_that_reads_its_input_twice_is_fused() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        conv = convolution(builder, x)
        return builder.emit(op.multiply(conv, builder.emit(op.sigmoid(conv))))

    _, conv, _ = specs(network(body))
    assert [step.operation for step in conv.epilogue.steps] == ["sigmoid", "multiply"]


def test_a_flattened_image_goes_into_a_matrix_product_as_it_lies() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        flat = builder.emit(op.reshape(convolution(builder, x), (1, 288)))
        product = builder.emit(op.matmul(flat, constant(288, 10)))
        return builder.emit(op.nn.softmax(builder.emit(op.add(product, constant(10)))))

    module = network(body)
    _, _, dense, softmax = specs(module)
    assert isinstance(dense, Convolution)
    assert (dense.kernel, dense.weights) == ((6, 6), "dense")
    assert dense.output == Form(channels=10, rank=2)
    assert isinstance(softmax, Softmax)
    assert left(module) == []


def test_a_global_mean_gives_rows_where_rows_are_wanted() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        mean = builder.emit(op.mean(convolution(builder, x), axis=[2, 3], keepdims=True))
        return builder.emit(op.reshape(mean, (1, 8)))

    module = network(body)
    *_, mean = specs(module)
    assert mean.output == Form(channels=8, rank=2)
    assert left(module) == []


def test_an_image_of_few_channels_keeps_its_layout() -> None:
    change, conv, _ = specs(network(convolution, 1, 3, 6, 6))
    assert change.output.layout == "channels-first"
    assert isinstance(conv, Convolution)
    assert conv.input.halo == (1, 1)


def test_zeros_stand_for_nothing_only_where_no_number_is_negative() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        activated = builder.emit(op.nn.relu(convolution(builder, x)))
        pooled = builder.emit(op.nn.max_pool2d(activated, (3, 3), padding=(1, 1)))
        return builder.emit(op.nn.max_pool2d(convolution(builder, pooled), (3, 3), padding=(1, 1)))

    pools = [spec for spec in specs(network(body)) if isinstance(spec, Pooling)]
    assert [pool.is_nonnegative for pool in pools] == [True, False]


def test_a_mean_whose_last_windows_count_only_in_part_stays_with_tvm() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        return builder.emit(
            op.nn.avg_pool2d(x, (3, 3), strides=(2, 2), ceil_mode=True, count_include_pad=True)
        )

    module = network(body)
    assert specs(module) == []
    assert left(module) == ["relax.nn.avg_pool2d"]


def test_what_no_kernel_is_written_for_stays_with_tvm_on_plain_tensors() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        conv = convolution(builder, x)
        turned = builder.emit(op.permute_dims(conv, (0, 1, 3, 2)))
        return convolution(builder, turned)

    module = network(body)
    assert left(module) == ["relax.permute_dims"]
    changes = [spec for spec in specs(module) if isinstance(spec, Pointwise)]
    assert [spec.output.layout for spec in changes] == [
        "channels-last",
        "channels-first",
        "channels-last",
        "channels-first",
    ]


def test_local_response_normalisation_is_recognised_in_the_importers_words() -> None:
    def body(builder: relax.BlockBuilder, x: Any) -> Any:
        deep = builder.emit(op.expand_dims(builder.emit(op.multiply(x, x)), 1))
        pooled = op.nn.avg_pool3d(deep, (5, 1, 1), padding=(2, 0, 0, 2, 0, 0), count_include_pad=True)
        mean = builder.emit(op.squeeze(builder.emit(pooled), [1]))
        scaled = builder.emit(op.multiply(mean, relax.const(1e-4, "float32")))
        base = builder.emit(op.add(scaled, relax.const(2.0, "float32")))
        power = builder.emit(op.power(base, relax.const(0.75, "float32")))
        return builder.emit(op.nn.relu(builder.emit(op.divide(x, power))))

    module = network(body)
    _, lrn, _ = specs(module)
    assert isinstance(lrn, Lrn)
    assert (lrn.size, lrn.bias, lrn.beta) == (5, 2.0, 0.75)
    assert [step.operation for step in lrn.epilogue.steps] == ["maximum"]
    assert left(module) == []

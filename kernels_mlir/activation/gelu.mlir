// gelu. Parameters: the element type, !x (a tensor flattened to one dimension), the conversions to and
// from float32, and the curve.
!element_x = f32
!x = tensor<?x!element_x>

#group = 2048 : index
!vx = vector<32x!element_x>
!lanes = vector<32xf32>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!x>

util.func private @widen_x(!vx) -> !lanes
util.func private @narrow(!lanes) -> !vx
// Of gelu_erf.mlir, gelu_erf_bf16.mlir or gelu_tanh.mlir.
util.func private @curve(!lanes) -> !lanes

// A workgroup takes a group of elements.
util.func private @gelu(%x: !x) -> !x {
  %first = arith.constant 0 : index
  %size_of_group = arith.constant #group
  %size = tensor.dim %x, %first : !x
  %groups = arith.ceildivui %size, %size_of_group : index
  %y = flow.dispatch.workgroups[%groups](%x, %size) : (!x{%size}, index) -> !x{%size} =
  (%x_in: !x_in, %all: index, %y_out: !y_out) {
    %c0 = arith.constant 0 : index
    %step = arith.constant 32 : index
    %most = arith.constant #group
    %zero = arith.constant 0.0 : !element_x
    %xs = flow.dispatch.tie_shape %x_in : !x_in{%all}
    %ys = flow.dispatch.tie_shape %y_out : !y_out{%all}
    %i = flow.dispatch.workgroup.id[0] : index
    %from = arith.muli %i, %most : index
    %left = arith.subi %all, %from : index
    %n = arith.minui %left, %most : index
    %rest = arith.remui %n, %step : index
    %full = arith.subi %n, %rest : index
    %part = iree_tensor_ext.dispatch.tensor.load %xs, offsets = [%from], sizes = [%n], strides = [1] : !x_in{%all} -> !x
    %empty = tensor.empty(%n) : !x
    %of_lanes = scf.for %k = %c0 to %full step %step iter_args(%out = %empty) -> (!x) {
      %at = vector.transfer_read %part[%k], %zero {in_bounds = [true]} : !x, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %curved = util.call @curve(%v) : (!lanes) -> !lanes
      %y = util.call @narrow(%curved) : (!lanes) -> !vx
      %next = vector.transfer_write %y, %out[%k] {in_bounds = [true]} : !vx, !x
      scf.yield %next : !x
    }
    %of_part = scf.for %k = %full to %n step %step iter_args(%out = %of_lanes) -> (!x) {
      %at = vector.transfer_read %part[%k], %zero : !x, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %curved = util.call @curve(%v) : (!lanes) -> !lanes
      %y = util.call @narrow(%curved) : (!lanes) -> !vx
      %next = vector.transfer_write %y, %out[%k] : !vx, !x
      scf.yield %next : !x
    }
    iree_tensor_ext.dispatch.tensor.store %of_part, %ys, offsets = [%from], sizes = [%n], strides = [1] : !x -> !y_out{%all}
    flow.return
  } count(%grid: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    flow.return %grid, %one, %one : index, index, index
  }
  util.return %y : !x
}

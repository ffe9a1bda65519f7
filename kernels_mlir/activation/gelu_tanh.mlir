// gelu's "tanh" form: 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3).
// It is x / (1 + exp(-2u)), in which nothing cancels. Parameters: the element type, !x (a
// tensor flattened to one dimension), and the conversions to and from float32.
!element_x = f32
!x = tensor<?x!element_x>

!vx = vector<32x!element_x>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!bits = vector<32xi32>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!x>

util.func private @widen_x(!vx) -> !lanes
util.func private @narrow(!lanes) -> !vx

// 1 / (1 + exp(-2u)), times v; -2u = ln(2) v (c1 + c3 v^2).
util.func private @gelu_tanh_curve(%at: !vx) -> !vx {
  %c1 = arith.constant dense<-2.302208198144325> : !lanes
  %c3 = arith.constant dense<-0.1029432395800235> : !lanes
  %e0 = arith.constant dense<1.0> : !lanes
  %e1 = arith.constant dense<0.6931471824645996> : !lanes
  %e2 = arith.constant dense<0.24022647738456726> : !lanes
  %e3 = arith.constant dense<0.05550359934568405> : !lanes
  %e4 = arith.constant dense<0.009618505835533142> : !lanes
  %e5 = arith.constant dense<0.001339081209152937> : !lanes
  %e6 = arith.constant dense<0.000153264933032915> : !lanes
  %lowest = arith.constant dense<-127.0> : !lanes
  %highest = arith.constant dense<128.0> : !lanes
  %round = arith.constant dense<12583039.0> : !lanes
  %exponent = arith.constant dense<23> : !bits
  %v = util.call @widen_x(%at) : (!vx) -> !lanes
  %square = arith.mulf %v, %v : !lanes
  %slope = math.fma %square, %c3, %c1 : !lanes
  %log = arith.mulf %v, %slope : !lanes
  // Not arith.maximumf and minimumf: NaN may be lost here (the last division brings it back), and
  // these are one instruction each.
  %is_above = arith.cmpf ogt, %log, %lowest : !lanes
  %above = arith.select %is_above, %log, %lowest : !mask, !lanes
  %is_below = arith.cmpf olt, %above, %highest : !lanes
  %w = arith.select %is_below, %above, %highest : !mask, !lanes
  // 2^w = 2^r 2^n, n = round(w): adding 1.5 * 2^23 + 127 rounds to an integer, and leaves n + 127,
  // the exponent of 2^n, in the low bits. At -127 that is 0, at 128 infinity. 2^r is a minimax
  // polynomial on |r| <= 1/2 (relative error 3e-9).
  %rounded = arith.addf %w, %round : !lanes
  %n = arith.subf %rounded, %round : !lanes
  %r = arith.subf %w, %n : !lanes
  %q5 = math.fma %e6, %r, %e5 : !lanes
  %q4 = math.fma %q5, %r, %e4 : !lanes
  %q3 = math.fma %q4, %r, %e3 : !lanes
  %q2 = math.fma %q3, %r, %e2 : !lanes
  %q1 = math.fma %q2, %r, %e1 : !lanes
  %q0 = math.fma %q1, %r, %e0 : !lanes
  %rounded_bits = arith.bitcast %rounded : !lanes to !bits
  %power_bits = arith.shli %rounded_bits, %exponent : !bits
  %power = arith.bitcast %power_bits : !bits to !lanes
  %divisor = math.fma %q0, %power, %e0 : !lanes
  %out = arith.divf %v, %divisor : !lanes
  %y = util.call @narrow(%out) : (!lanes) -> !vx
  util.return %y : !vx
}

// A workgroup takes 2048 elements.
util.func private @gelu_tanh(%x: !x) -> !x {
  %first = arith.constant 0 : index
  %size_of_group = arith.constant 2048 : index
  %size = tensor.dim %x, %first : !x
  %groups = arith.ceildivui %size, %size_of_group : index
  %y = flow.dispatch.workgroups[%groups](%x, %size) : (!x{%size}, index) -> !x{%size} =
  (%x_in: !x_in, %all: index, %y_out: !y_out) {
    %c0 = arith.constant 0 : index
    %step = arith.constant 32 : index
    %most = arith.constant 2048 : index
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
      %y = util.call @gelu_tanh_curve(%at) : (!vx) -> !vx
      %next = vector.transfer_write %y, %out[%k] {in_bounds = [true]} : !vx, !x
      scf.yield %next : !x
    }
    %of_part = scf.for %k = %full to %n step %step iter_args(%out = %of_lanes) -> (!x) {
      %at = vector.transfer_read %part[%k], %zero : !x, !vx
      %y = util.call @gelu_tanh_curve(%at) : (!vx) -> !vx
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

// silu(a) * b, a and b the left and the right half of each row of x; silu(a) = a sigmoid(a).
// Parameters: the element type, !x (rows x 2d), !y (rows x d), #d, #group (the number of columns of
// a workgroup), and the conversions to and from float32.
!element_x = f32
!x = tensor<?x768x!element_x>
!y = tensor<?x384x!element_x>
#d = 384 : index
#group = 384 : index

!part = tensor<1x?x!element_x>
!vx = vector<32x!element_x>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!bits = vector<32xi32>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!y>

util.func private @widen_x(!vx) -> !lanes
util.func private @narrow(!lanes) -> !vx

// silu(a) * b = a / (1 + exp(-a)) * b
util.func private @silu_and_mul_curve(%at_a: !vx, %at_b: !vx) -> !vx {
  // n = round(-a log2(e)), r = -a - n ln(2), ln(2) in two parts: n * ln2_high is exact.
  %minus_log2e = arith.constant dense<-1.4426950408889634> : !lanes
  %minus_ln2_high = arith.constant dense<-0.693359375> : !lanes
  %ln2_low = arith.constant dense<2.1219444005469057e-04> : !lanes
  // e^r = 1 + r + e2 r^2 + ... + e6 r^6: minimax on |r| <= ln(2)/2 (relative error 3e-9).
  %e0 = arith.constant dense<1.0> : !lanes
  %e2 = arith.constant dense<0.4999999403953552> : !lanes
  %e3 = arith.constant dense<0.1666652113199234> : !lanes
  %e4 = arith.constant dense<0.04166825860738754> : !lanes
  %e5 = arith.constant dense<0.008368667215108871> : !lanes
  %e6 = arith.constant dense<0.0013821222819387913> : !lanes
  %lowest = arith.constant dense<-89.0> : !lanes
  %highest = arith.constant dense<88.0> : !lanes
  // Adding 1.5 * 2^23 + 127 rounds to an integer, and leaves n + 127, the exponent of 2^n, in the
  // low bits. At -127 that is 0, at 128 infinity.
  %round = arith.constant dense<12583039.0> : !lanes
  %exponent = arith.constant dense<23> : !bits
  %a = util.call @widen_x(%at_a) : (!vx) -> !lanes
  %b = util.call @widen_x(%at_b) : (!vx) -> !lanes
  // Not arith.maximumf and minimumf: NaN may be lost here (the division brings it back), and these
  // are one instruction each. At the two limits the power below is infinity and 0.
  %is_above = arith.cmpf ogt, %a, %lowest : !lanes
  %above = arith.select %is_above, %a, %lowest : !mask, !lanes
  %is_below = arith.cmpf olt, %above, %highest : !lanes
  %in_range = arith.select %is_below, %above, %highest : !mask, !lanes
  %log = arith.mulf %in_range, %minus_log2e : !lanes
  %rounded = arith.addf %log, %round : !lanes
  %n = arith.subf %rounded, %round : !lanes
  %minus_a = arith.negf %in_range : !lanes
  %r_high = math.fma %n, %minus_ln2_high, %minus_a : !lanes
  %r = math.fma %n, %ln2_low, %r_high : !lanes
  %q5 = math.fma %e6, %r, %e5 : !lanes
  %q4 = math.fma %q5, %r, %e4 : !lanes
  %q3 = math.fma %q4, %r, %e3 : !lanes
  %q2 = math.fma %q3, %r, %e2 : !lanes
  %q1 = math.fma %q2, %r, %e0 : !lanes
  %q0 = math.fma %q1, %r, %e0 : !lanes
  %rounded_bits = arith.bitcast %rounded : !lanes to !bits
  %power_bits = arith.shli %rounded_bits, %exponent : !bits
  %power = arith.bitcast %power_bits : !bits to !lanes
  %divisor = math.fma %q0, %power, %e0 : !lanes
  %silu = arith.divf %a, %divisor : !lanes
  %out = arith.mulf %silu, %b : !lanes
  %y = util.call @narrow(%out) : (!lanes) -> !vx
  util.return %y : !vx
}

// A workgroup takes some columns of a row.
util.func private @silu_and_mul(%x: !x) -> !y {
  %first = arith.constant 0 : index
  %columns = arith.constant #d
  %columns_of_group = arith.constant #group
  %groups = arith.ceildivui %columns, %columns_of_group : index
  %rows = tensor.dim %x, %first : !x
  %y = flow.dispatch.workgroups[%groups, %rows](%x, %rows) : (!x{%rows}, index) -> !y{%rows} =
  (%x_in: !x_in, %all_rows: index, %y_out: !y_out) {
    %c0 = arith.constant 0 : index
    %step = arith.constant 32 : index
    %d = arith.constant #d
    %group = arith.constant #group
    %zero = arith.constant 0.0 : !element_x
    %xs = flow.dispatch.tie_shape %x_in : !x_in{%all_rows}
    %ys = flow.dispatch.tie_shape %y_out : !y_out{%all_rows}
    %g = flow.dispatch.workgroup.id[0] : index
    %i = flow.dispatch.workgroup.id[1] : index
    %from = arith.muli %g, %group : index
    %from_right = arith.addi %from, %d : index
    %left_over = arith.subi %d, %from : index
    %n = arith.minui %left_over, %group : index
    %rest = arith.remui %n, %step : index
    %full = arith.subi %n, %rest : index
    %left = iree_tensor_ext.dispatch.tensor.load %xs, offsets = [%i, %from], sizes = [1, %n], strides = [1, 1] : !x_in{%all_rows} -> !part
    %right = iree_tensor_ext.dispatch.tensor.load %xs, offsets = [%i, %from_right], sizes = [1, %n], strides = [1, 1] : !x_in{%all_rows} -> !part
    %empty = tensor.empty(%n) : !part
    %of_lanes = scf.for %k = %c0 to %full step %step iter_args(%out = %empty) -> (!part) {
      %a = vector.transfer_read %left[%c0, %k], %zero {in_bounds = [true]} : !part, !vx
      %b = vector.transfer_read %right[%c0, %k], %zero {in_bounds = [true]} : !part, !vx
      %y = util.call @silu_and_mul_curve(%a, %b) : (!vx, !vx) -> !vx
      %next = vector.transfer_write %y, %out[%c0, %k] {in_bounds = [true]} : !vx, !part
      scf.yield %next : !part
    }
    %of_part = scf.for %k = %full to %n step %step iter_args(%out = %of_lanes) -> (!part) {
      %a = vector.transfer_read %left[%c0, %k], %zero : !part, !vx
      %b = vector.transfer_read %right[%c0, %k], %zero : !part, !vx
      %y = util.call @silu_and_mul_curve(%a, %b) : (!vx, !vx) -> !vx
      %next = vector.transfer_write %y, %out[%c0, %k] : !vx, !part
      scf.yield %next : !part
    }
    iree_tensor_ext.dispatch.tensor.store %of_part, %ys, offsets = [%i, %from], sizes = [1, %n], strides = [1, 1] : !part -> !y_out{%all_rows}
    flow.return
  } count(%grid_columns: index, %grid_rows: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    flow.return %grid_columns, %grid_rows, %one : index, index, index
  }
  util.return %y : !y
}

// gelu(x) = x * Phi(x), Phi the normal distribution function (the "erf" form).
// Parameters: the element type, !x (a tensor flattened to one dimension), and the conversions to
// and from float32.
!element_x = f32
!x = tensor<?x!element_x>

!vx = vector<32x!element_x>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!x>

util.func private @widen_x(!vx) -> !lanes
util.func private @narrow(!lanes) -> !vx

// Phi(v) = 1/2 + v p(v^2). p is a polynomial in t, which runs from -1 to 1 as v^2 runs from 0 to
// 5.5^2: a minimax fit, weighted by v (absolute error 4e-8 in Phi). Beyond 5.5 it stays what it is
// there, a little too much for Phi to lie in 0..1, which it is then clamped to.
util.func private @gelu_curve(%at: !vx) -> !vx {
  %p0 = arith.constant dense<0.1285519301891327> : !lanes
  %p1 = arith.constant dense<-0.06417247653007507> : !lanes
  %p2 = arith.constant dense<0.047736991196870804> : !lanes
  %p3 = arith.constant dense<-0.03878726810216904> : !lanes
  %p4 = arith.constant dense<0.03208174183964729> : !lanes
  %p5 = arith.constant dense<-0.026112468913197517> : !lanes
  %p6 = arith.constant dense<0.020287979394197464> : !lanes
  %p7 = arith.constant dense<-0.014671366661787033> : !lanes
  %p8 = arith.constant dense<0.010468628257513046> : !lanes
  %p9 = arith.constant dense<-0.007674668915569782> : !lanes
  %p10 = arith.constant dense<0.004236370325088501> : !lanes
  %p11 = arith.constant dense<-0.0012294023763388395> : !lanes
  %p12 = arith.constant dense<0.0010238499380648136> : !lanes
  %p13 = arith.constant dense<-0.0013688289327546954> : !lanes
  %p14 = arith.constant dense<0.0005380764487199485> : !lanes
  %farthest = arith.constant dense<30.25> : !lanes
  %stretch = arith.constant dense<0.06611570247933884> : !lanes
  %minus_one = arith.constant dense<-1.0> : !lanes
  %zero = arith.constant dense<0.0> : !lanes
  %half = arith.constant dense<0.5> : !lanes
  %one = arith.constant dense<1.0> : !lanes
  %v = util.call @widen_x(%at) : (!vx) -> !lanes
  %square = arith.mulf %v, %v : !lanes
  // Not arith.minimumf: NaN may go either way here (the last product brings it back), and this is
  // one instruction.
  %is_near = arith.cmpf olt, %square, %farthest : !lanes
  %near = arith.select %is_near, %square, %farthest : !mask, !lanes
  %t = math.fma %near, %stretch, %minus_one : !lanes
  %q13 = math.fma %p14, %t, %p13 : !lanes
  %q12 = math.fma %q13, %t, %p12 : !lanes
  %q11 = math.fma %q12, %t, %p11 : !lanes
  %q10 = math.fma %q11, %t, %p10 : !lanes
  %q9 = math.fma %q10, %t, %p9 : !lanes
  %q8 = math.fma %q9, %t, %p8 : !lanes
  %q7 = math.fma %q8, %t, %p7 : !lanes
  %q6 = math.fma %q7, %t, %p6 : !lanes
  %q5 = math.fma %q6, %t, %p5 : !lanes
  %q4 = math.fma %q5, %t, %p4 : !lanes
  %q3 = math.fma %q4, %t, %p3 : !lanes
  %q2 = math.fma %q3, %t, %p2 : !lanes
  %q1 = math.fma %q2, %t, %p1 : !lanes
  %q0 = math.fma %q1, %t, %p0 : !lanes
  %phi_any = math.fma %v, %q0, %half : !lanes
  %is_above = arith.cmpf ogt, %phi_any, %zero : !lanes
  %phi_above = arith.select %is_above, %phi_any, %zero : !mask, !lanes
  %is_below = arith.cmpf olt, %phi_above, %one : !lanes
  %phi = arith.select %is_below, %phi_above, %one : !mask, !lanes
  %out = arith.mulf %v, %phi : !lanes
  %y = util.call @narrow(%out) : (!lanes) -> !vx
  util.return %y : !vx
}

// A workgroup takes 2048 elements.
util.func private @gelu(%x: !x) -> !x {
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
      %y = util.call @gelu_curve(%at) : (!vx) -> !vx
      %next = vector.transfer_write %y, %out[%k] {in_bounds = [true]} : !vx, !x
      scf.yield %next : !x
    }
    %of_part = scf.for %k = %full to %n step %step iter_args(%out = %of_lanes) -> (!x) {
      %at = vector.transfer_read %part[%k], %zero : !x, !vx
      %y = util.call @gelu_curve(%at) : (!vx) -> !vx
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

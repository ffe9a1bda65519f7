// gelu(x) = x * Phi(x), Phi the normal distribution function (the "erf" form).
// Parameters: the element type, !x (a tensor flattened to one dimension), and the conversions to
// and from float32.
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

// Phi(-a) for a = |v| is 2^log, and log = -1 + l1 a + ... + l10 a^10: minimax on 0 <= a <= 9, weighted
// by Phi(-a) (absolute error 1e-9 in Phi). It keeps falling beyond 9, so large a needs no care.
// Nothing cancels, so the error stays small relative to Phi(-a), even for large a.
util.func private @gelu_curve(%at: !vx) -> !vx {
  %l1 = arith.constant dense<-1.151104211807251> : !lanes
  %l2 = arith.constant dense<-0.45922234654426575> : !lanes
  %l3 = arith.constant dense<-0.052429746836423874> : !lanes
  %l4 = arith.constant dense<0.006917521357536316> : !lanes
  %l5 = arith.constant dense<3.536031363182701e-05> : !lanes
  %l6 = arith.constant dense<-0.0003022895834874362> : !lanes
  %l7 = arith.constant dense<8.444293780485168e-05> : !lanes
  %l8 = arith.constant dense<-1.2489248547353782e-05> : !lanes
  %l9 = arith.constant dense<1.0001310783991357e-06> : !lanes
  %l10 = arith.constant dense<-3.3514552910673956e-08> : !lanes
  // 2^r = 1 + e1 r + ... + e6 r^6: minimax on |r| <= 1/2 (relative error 3e-9).
  %e1 = arith.constant dense<0.6931471824645996> : !lanes
  %e2 = arith.constant dense<0.24022647738456726> : !lanes
  %e3 = arith.constant dense<0.05550359934568405> : !lanes
  %e4 = arith.constant dense<0.009618505835533142> : !lanes
  %e5 = arith.constant dense<0.001339081209152937> : !lanes
  %e6 = arith.constant dense<0.000153264933032915> : !lanes
  %minus_one = arith.constant dense<-1.0> : !lanes
  %zero = arith.constant dense<0.0> : !lanes
  %one = arith.constant dense<1.0> : !lanes
  %lowest = arith.constant dense<-127.0> : !lanes
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits.
  %round = arith.constant dense<12582912.0> : !lanes
  %exponent = arith.constant dense<23> : !bits
  %v = util.call @widen_x(%at) : (!vx) -> !lanes
  %a = math.absf %v : !lanes
  %p9 = math.fma %l10, %a, %l9 : !lanes
  %p8 = math.fma %p9, %a, %l8 : !lanes
  %p7 = math.fma %p8, %a, %l7 : !lanes
  %p6 = math.fma %p7, %a, %l6 : !lanes
  %p5 = math.fma %p6, %a, %l5 : !lanes
  %p4 = math.fma %p5, %a, %l4 : !lanes
  %p3 = math.fma %p4, %a, %l3 : !lanes
  %p2 = math.fma %p3, %a, %l2 : !lanes
  %p1 = math.fma %p2, %a, %l1 : !lanes
  %log = math.fma %p1, %a, %minus_one : !lanes
  // Not arith.maximumf: NaN may be lost here (the last product brings it back), and this is one
  // instruction. At -127 the power built below is exactly 0.
  %in_range = arith.cmpf ogt, %log, %lowest : !lanes
  %w = arith.select %in_range, %log, %lowest : !mask, !lanes
  %k = arith.addf %w, %round : !lanes
  %n = arith.subf %k, %round : !lanes
  %r = arith.subf %w, %n : !lanes
  %q5 = math.fma %e6, %r, %e5 : !lanes
  %q4 = math.fma %q5, %r, %e4 : !lanes
  %q3 = math.fma %q4, %r, %e3 : !lanes
  %q2 = math.fma %q3, %r, %e2 : !lanes
  %q1 = math.fma %q2, %r, %e1 : !lanes
  %q = math.fma %q1, %r, %one : !lanes
  // q * 2^n, by adding n to q's exponent.
  %q_bits = arith.bitcast %q : !lanes to !bits
  %k_bits = arith.bitcast %k : !lanes to !bits
  %n_bits = arith.shli %k_bits, %exponent : !bits
  %tail_bits = arith.addi %q_bits, %n_bits : !bits
  %tail = arith.bitcast %tail_bits : !bits to !lanes
  %rest = arith.subf %one, %tail : !lanes
  %negative = arith.cmpf olt, %v, %zero : !lanes
  %phi = arith.select %negative, %tail, %rest : !mask, !lanes
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

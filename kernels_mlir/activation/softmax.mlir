// y = exp(x - max(x)) / sum(exp(x - max(x))), along the rows of x. Parameters: the element type
// and its #minus_infinity, !x (rows x n), #n, #wide (whether it is f32), and
// the conversions to and from float32. f32 results keep the exponentials until the sum is known.
// For other dtypes each exponential is computed twice, by a shorter polynomial.
!element_x = f32
#minus_infinity = 0xFF800000 : f32
!x = tensor<?x384x!element_x>
#n = 384 : index
#wide = true

!row = tensor<1x?x!element_x>
!vx = vector<32x!element_x>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!bits = vector<32xi32>
!doubles = vector<32xf64>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!x>

util.func private @widen_x(!vx) -> !lanes
util.func private @narrow(!lanes) -> !vx

// exp(v - highest) for v <= highest. NaN stays NaN, and a difference below -88 gives 0.
util.func private @softmax_exp(%v: !lanes, %highest: !lanes) -> !lanes {
  %wide = arith.constant #wide
  // n = round(a log2(e)), r = a - n ln(2), ln(2) in two parts: n * ln2_high is exact.
  %log2e = arith.constant dense<1.4426950408889634> : !lanes
  %minus_ln2_high = arith.constant dense<-0.693359375> : !lanes
  %ln2_low = arith.constant dense<2.1219444005469057e-04> : !lanes
  %minus_ln2 = arith.constant dense<-0.6931471805599453> : !lanes
  // e^r = 1 + r + e2 r^2 + ... + e6 r^6 = 1 + r + s2 r^2 + s3 r^3 + s4 r^4: minimax on
  // |r| <= ln(2)/2 (relative errors 3e-9 and 5e-6).
  %one = arith.constant dense<1.0> : !lanes
  %e2 = arith.constant dense<0.4999999403953552> : !lanes
  %e3 = arith.constant dense<0.1666652113199234> : !lanes
  %e4 = arith.constant dense<0.04166825860738754> : !lanes
  %e5 = arith.constant dense<0.008368667215108871> : !lanes
  %e6 = arith.constant dense<0.0013821222819387913> : !lanes
  %s2 = arith.constant dense<0.5000517964363098> : !lanes
  %s3 = arith.constant dense<0.16754035651683807> : !lanes
  %s4 = arith.constant dense<0.04127546772360802> : !lanes
  %lowest = arith.constant dense<-88.0> : !lanes
  // Adding 1.5 * 2^23 + 127 rounds to an integer, and leaves n + 127, the exponent of 2^n, in the
  // low bits. At -127 that is 0.
  %round = arith.constant dense<12583039.0> : !lanes
  %exponent = arith.constant dense<23> : !bits
  %below = arith.subf %v, %highest : !lanes
  %is_out = arith.cmpf olt, %below, %lowest : !lanes
  %a = arith.select %is_out, %lowest, %below : !mask, !lanes
  %log = arith.mulf %a, %log2e : !lanes
  %rounded = arith.addf %log, %round : !lanes
  %n = arith.subf %rounded, %round : !lanes
  %r_high = math.fma %n, %minus_ln2_high, %a : !lanes
  %r_long = math.fma %n, %ln2_low, %r_high : !lanes
  %r_short = math.fma %n, %minus_ln2, %a : !lanes
  %r = arith.select %wide, %r_long, %r_short : !lanes
  %q5 = math.fma %e6, %r, %e5 : !lanes
  %q4 = math.fma %q5, %r, %e4 : !lanes
  %q3 = math.fma %q4, %r, %e3 : !lanes
  %q2_long = math.fma %q3, %r, %e2 : !lanes
  %p3 = math.fma %s4, %r, %s3 : !lanes
  %q2_short = math.fma %p3, %r, %s2 : !lanes
  %q2 = arith.select %wide, %q2_long, %q2_short : !lanes
  %q1 = math.fma %q2, %r, %one : !lanes
  %q0 = math.fma %q1, %r, %one : !lanes
  %rounded_bits = arith.bitcast %rounded : !lanes to !bits
  %power_bits = arith.shli %rounded_bits, %exponent : !bits
  %power = arith.bitcast %power_bits : !bits to !lanes
  %y = arith.mulf %q0, %power : !lanes
  util.return %y : !lanes
}

// A workgroup takes a row. It reads it three times, twice from the cache: for the largest element,
// for the sum, and for the result.
util.func private @softmax(%x: !x) -> !x {
  %first = arith.constant 0 : index
  %rows = tensor.dim %x, %first : !x
  %y = flow.dispatch.workgroups[%rows](%x, %rows) : (!x{%rows}, index) -> !x{%rows} =
  (%x_in: !x_in, %all_rows: index, %y_out: !y_out) {
    %c0 = arith.constant 0 : index
    %step = arith.constant 32 : index
    %block = arith.constant 256 : index
    %n = arith.constant #n
    %keep = arith.constant #wide
    %lowest_x = arith.constant #minus_infinity
    %none = arith.constant dense<0.0> : !lanes
    %lowest = arith.constant dense<0xFF800000> : !lanes
    %xs = flow.dispatch.tie_shape %x_in : !x_in{%all_rows}
    %ys = flow.dispatch.tie_shape %y_out : !y_out{%all_rows}
    %i = flow.dispatch.workgroup.id[0] : index
    %row = iree_tensor_ext.dispatch.tensor.load %xs, offsets = [%i, 0], sizes = [1, %n], strides = [1, 1] : !x_in{%all_rows} -> !row
    %rest = arith.remui %n, %step : index
    %full = arith.subi %n, %rest : index
    %odd = arith.remui %n, %block : index
    %blocks = arith.subi %n, %odd : index

    // Not arith.maximumf: NaN may be lost here (the sum brings it back), and this is one
    // instruction.
    %of_full = scf.for %k = %c0 to %full step %step iter_args(%most = %lowest) -> (!lanes) {
      %at = vector.transfer_read %row[%c0, %k], %lowest_x {in_bounds = [true]} : !row, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %is_more = arith.cmpf ogt, %v, %most : !lanes
      %next = arith.select %is_more, %v, %most : !mask, !lanes
      scf.yield %next : !lanes
    }
    %of_all = scf.for %k = %full to %n step %step iter_args(%most = %of_full) -> (!lanes) {
      %at = vector.transfer_read %row[%c0, %k], %lowest_x : !row, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %is_more = arith.cmpf ogt, %v, %most : !lanes
      %next = arith.select %is_more, %v, %most : !mask, !lanes
      scf.yield %next : !lanes
    }
    %most = vector.reduction <maxnumf>, %of_all : !lanes into f32
    %highest = vector.broadcast %most : f32 to !lanes

    // Each lane adds up blocks of eight terms, then the sums of the blocks; the lanes are added in
    // f64. So the rounding error stays small, although the terms are f32.
    %empty = tensor.empty(%n) : !row
    %sum_blocks:2 = scf.for %j = %c0 to %blocks step %block iter_args(%sums = %none, %outs = %empty) -> (!lanes, !row) {
      %end = arith.addi %j, %block : index
      %of_block:2 = scf.for %k = %j to %end step %step iter_args(%sum = %none, %out = %outs) -> (!lanes, !row) {
        %at = vector.transfer_read %row[%c0, %k], %lowest_x {in_bounds = [true]} : !row, !vx
        %v = util.call @widen_x(%at) : (!vx) -> !lanes
        %e = util.call @softmax_exp(%v, %highest) : (!lanes, !lanes) -> !lanes
        %next = arith.addf %sum, %e : !lanes
        %next_out = scf.if %keep -> (!row) {
          %kept = util.call @narrow(%e) : (!lanes) -> !vx
          %written = vector.transfer_write %kept, %out[%c0, %k] {in_bounds = [true]} : !vx, !row
          scf.yield %written : !row
        } else {
          scf.yield %out : !row
        }
        scf.yield %next, %next_out : !lanes, !row
      }
      %next = arith.addf %sums, %of_block#0 : !lanes
      scf.yield %next, %of_block#1 : !lanes, !row
    }
    %sum_full:2 = scf.for %k = %blocks to %full step %step iter_args(%sum = %sum_blocks#0, %out = %sum_blocks#1) -> (!lanes, !row) {
      %at = vector.transfer_read %row[%c0, %k], %lowest_x {in_bounds = [true]} : !row, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %e = util.call @softmax_exp(%v, %highest) : (!lanes, !lanes) -> !lanes
      %next = arith.addf %sum, %e : !lanes
      %next_out = scf.if %keep -> (!row) {
        %kept = util.call @narrow(%e) : (!lanes) -> !vx
        %written = vector.transfer_write %kept, %out[%c0, %k] {in_bounds = [true]} : !vx, !row
        scf.yield %written : !row
      } else {
        scf.yield %out : !row
      }
      scf.yield %next, %next_out : !lanes, !row
    }
    // Lanes beyond the row are -infinity, and exp of it is 0.
    %sum_all:2 = scf.for %k = %full to %n step %step iter_args(%sum = %sum_full#0, %out = %sum_full#1) -> (!lanes, !row) {
      %at = vector.transfer_read %row[%c0, %k], %lowest_x : !row, !vx
      %v = util.call @widen_x(%at) : (!vx) -> !lanes
      %e = util.call @softmax_exp(%v, %highest) : (!lanes, !lanes) -> !lanes
      %next = arith.addf %sum, %e : !lanes
      %next_out = scf.if %keep -> (!row) {
        %kept = util.call @narrow(%e) : (!lanes) -> !vx
        %written = vector.transfer_write %kept, %out[%c0, %k] : !vx, !row
        scf.yield %written : !row
      } else {
        scf.yield %out : !row
      }
      scf.yield %next, %next_out : !lanes, !row
    }
    %sum_wide = arith.extf %sum_all#0 : !lanes to !doubles
    %sum = vector.reduction <add>, %sum_wide fastmath<reassoc> : !doubles into f64
    %one = arith.constant 1.0 : f64
    %inverse_f64 = arith.divf %one, %sum : f64
    %inverse = arith.truncf %inverse_f64 : f64 to f32
    %scale = vector.broadcast %inverse : f32 to !lanes

    %of_lanes = scf.for %k = %c0 to %full step %step iter_args(%out = %sum_all#1) -> (!row) {
      %e = scf.if %keep -> (!lanes) {
        %kept = vector.transfer_read %out[%c0, %k], %lowest_x {in_bounds = [true]} : !row, !vx
        %v = util.call @widen_x(%kept) : (!vx) -> !lanes
        scf.yield %v : !lanes
      } else {
        %at = vector.transfer_read %row[%c0, %k], %lowest_x {in_bounds = [true]} : !row, !vx
        %v = util.call @widen_x(%at) : (!vx) -> !lanes
        %again = util.call @softmax_exp(%v, %highest) : (!lanes, !lanes) -> !lanes
        scf.yield %again : !lanes
      }
      %p = arith.mulf %e, %scale : !lanes
      %y = util.call @narrow(%p) : (!lanes) -> !vx
      %next = vector.transfer_write %y, %out[%c0, %k] {in_bounds = [true]} : !vx, !row
      scf.yield %next : !row
    }
    %of_row = scf.for %k = %full to %n step %step iter_args(%out = %of_lanes) -> (!row) {
      %e = scf.if %keep -> (!lanes) {
        %kept = vector.transfer_read %out[%c0, %k], %lowest_x : !row, !vx
        %v = util.call @widen_x(%kept) : (!vx) -> !lanes
        scf.yield %v : !lanes
      } else {
        %at = vector.transfer_read %row[%c0, %k], %lowest_x : !row, !vx
        %v = util.call @widen_x(%at) : (!vx) -> !lanes
        %again = util.call @softmax_exp(%v, %highest) : (!lanes, !lanes) -> !lanes
        scf.yield %again : !lanes
      }
      %p = arith.mulf %e, %scale : !lanes
      %y = util.call @narrow(%p) : (!lanes) -> !vx
      %next = vector.transfer_write %y, %out[%c0, %k] : !vx, !row
      scf.yield %next : !row
    }
    iree_tensor_ext.dispatch.tensor.store %of_row, %ys, offsets = [%i, 0], sizes = [1, %n], strides = [1, 1] : !row -> !y_out{%all_rows}
    flow.return
  } count(%grid: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    flow.return %grid, %one, %one : index, index, index
  }
  util.return %y : !x
}

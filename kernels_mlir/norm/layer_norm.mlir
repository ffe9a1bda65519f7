// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, along the rows of x (population
// variance). Parameters: the element types, !x (rows x n), !weight and !bias (n), #n, #epsilon,
// #streamed (whether results go past the cache: they and their rows then lie at multiples of 64
// bytes, and #alignment is 64), and the conversions to and from float32.
!element_x = f32
!element_weight = f32
!element_bias = f32
!x = tensor<?x384x!element_x>
!weight = tensor<384x!element_weight>
!bias = tensor<384x!element_bias>
#n = 384 : index
#epsilon = 1.0e-6 : f32
#streamed = false
#alignment = 1 : i64

!rows = memref<?x?x!element_x>
!weights = memref<?x!element_weight>
!biases = memref<?x!element_bias>
!vx = vector<32x!element_x>
!vweight = vector<32x!element_weight>
!vbias = vector<32x!element_bias>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!wide = vector<32xf64>
#layout = #hal.pipeline.layout<bindings = [
  #hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer>
]>

// A workgroup takes a row. It reads it twice, the second time from the cache: for the sums of
// (x - center) and (x - center)^2, and for the result.
hal.executable.source private @layer_norm_rows {
  hal.executable.export public @layer_norm ordinal(0) layout(#layout) count(%device: !hal.device, %rows: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %rows, %one, %one : index, index, index
  }
  builtin.module {
    func.func private @widen_x(!vx) -> !lanes
    func.func private @widen_weight(!vweight) -> !lanes
    func.func private @widen_bias(!vbias) -> !lanes
    func.func private @narrow(!lanes) -> !vx

    // ((v - center) - rest) * scale * weight + bias
    func.func private @layer_norm_affine(%at: !vx, %center: !lanes, %rest: !lanes, %scale: !lanes, %at_weight: !vweight, %at_bias: !vbias) -> !vx {
      %v = func.call @widen_x(%at) : (!vx) -> !lanes
      %w = func.call @widen_weight(%at_weight) : (!vweight) -> !lanes
      %b = func.call @widen_bias(%at_bias) : (!vbias) -> !lanes
      %off = arith.subf %v, %center : !lanes
      %centred = arith.subf %off, %rest : !lanes
      %normed = arith.mulf %centred, %scale : !lanes
      %out = math.fma %normed, %w, %b : !lanes
      %y = func.call @narrow(%out) : (!lanes) -> !vx
      return %y : !vx
    }

    func.func @layer_norm() {
      %c0 = arith.constant 0 : index
      %step = arith.constant 32 : index
      %block = arith.constant 256 : index
      %n = arith.constant #n
      %zero_x = arith.constant 0.0 : !element_x
      %zero_weight = arith.constant 0.0 : !element_weight
      %zero_bias = arith.constant 0.0 : !element_bias
      %zero = arith.constant 0.0 : f64
      %none = arith.constant dense<0.0> : !lanes
      %none_wide = arith.constant dense<0.0> : !wide
      %count_i64 = arith.index_cast %n : index to i64
      %count = arith.sitofp %count_i64 : i64 to f64
      %rest = arith.remui %n, %step : index
      %full = arith.subi %n, %rest : index
      %odd = arith.remui %n, %block : index
      %blocks = arith.subi %n, %odd : index
      %i = hal.interface.workgroup.id[0] : index
      %all_rows = hal.interface.workgroup.count[0] : index
      %xs = hal.interface.binding.subspan layout(#layout) binding(0) offset(%c0) : !rows{%all_rows, %n}
      %weights = hal.interface.binding.subspan layout(#layout) binding(1) offset(%c0) : !weights{%n}
      %biases = hal.interface.binding.subspan layout(#layout) binding(2) offset(%c0) : !biases{%n}
      %ys = hal.interface.binding.subspan layout(#layout) binding(3) offset(%c0) : !rows{%all_rows, %n}

      // 1 in the lanes that the last, incomplete vector of a row fills, 0 in the others.
      %one_x = arith.constant dense<1.0> : !vx
      %none_x = arith.constant dense<0.0> : !vx
      %mask = vector.create_mask %rest : !mask
      %at_inside = arith.select %mask, %one_x, %none_x : !mask, !vx
      %inside = func.call @widen_x(%at_inside) : (!vx) -> !lanes

      // The center is the mean of the first vector. It is close enough to the mean of the row, unless
      // the rest of the row has very different values.
      %at_first = vector.transfer_read %xs[%i, %c0], %zero_x : !rows, !vx
      %v_first = func.call @widen_x(%at_first) : (!vx) -> !lanes
      %wide_first = arith.extf %v_first : !lanes to !wide
      %sum_first = vector.reduction <add>, %wide_first fastmath<reassoc> : !wide into f64
      %n_first = arith.minui %n, %step : index
      %count_first_i64 = arith.index_cast %n_first : index to i64
      %count_first = arith.sitofp %count_first_i64 : i64 to f64
      %mean_first = arith.divf %sum_first, %count_first : f64
      %center_fast = arith.truncf %mean_first : f64 to f32
      %centers_fast = vector.broadcast %center_fast : f32 to !lanes

      // Each lane adds up blocks of eight terms, then the sums of the blocks; the lanes are added in
      // f64. So the rounding error stays small, although the terms are f32.
      %off_blocks:2 = scf.for %j = %c0 to %blocks step %block iter_args(%sums = %none, %squares = %none) -> (!lanes, !lanes) {
        %end = arith.addi %j, %block : index
        %off_block:2 = scf.for %k = %j to %end step %step iter_args(%sum_ = %none, %square = %none) -> (!lanes, !lanes) {
          %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %off = arith.subf %v, %centers_fast : !lanes
          %next_sum = arith.addf %sum_, %off : !lanes
          %next_square = math.fma %off, %off, %square : !lanes
          scf.yield %next_sum, %next_square : !lanes, !lanes
        }
        %next_sums = arith.addf %sums, %off_block#0 : !lanes
        %next_squares = arith.addf %squares, %off_block#1 : !lanes
        scf.yield %next_sums, %next_squares : !lanes, !lanes
      }
      %off_full:2 = scf.for %k = %blocks to %full step %step iter_args(%sum_ = %off_blocks#0, %square = %off_blocks#1) -> (!lanes, !lanes) {
        %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %off = arith.subf %v, %centers_fast : !lanes
        %next_sum = arith.addf %sum_, %off : !lanes
        %next_square = math.fma %off, %off, %square : !lanes
        scf.yield %next_sum, %next_square : !lanes, !lanes
      }
      %off_all:2 = scf.for %k = %full to %n step %step iter_args(%sum_ = %off_full#0, %square = %off_full#1) -> (!lanes, !lanes) {
        %at = vector.transfer_read %xs[%i, %k], %zero_x : !rows, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %off_any = arith.subf %v, %centers_fast : !lanes
        %off = arith.mulf %off_any, %inside : !lanes
        %next_sum = arith.addf %sum_, %off : !lanes
        %next_square = math.fma %off, %off, %square : !lanes
        scf.yield %next_sum, %next_square : !lanes, !lanes
      }
      %off_wide = arith.extf %off_all#0 : !lanes to !wide
      %square_wide = arith.extf %off_all#1 : !lanes to !wide
      %off_sum = vector.reduction <add>, %off_wide fastmath<reassoc> : !wide into f64
      %square_sum = vector.reduction <add>, %square_wide fastmath<reassoc> : !wide into f64
      %rest_fast = arith.divf %off_sum, %count : f64
      %mean_square = arith.divf %square_sum, %count : f64
      %rest_square = arith.mulf %rest_fast, %rest_fast : f64
      %difference = arith.subf %mean_square, %rest_square : f64
      // Rounding can make the variance of a constant row negative.
      %variance_fast = arith.maximumf %difference, %zero : f64
      %epsilon_f32 = arith.constant #epsilon
      %epsilon = arith.extf %epsilon_f32 : f32 to f64
      %shifted_fast = arith.addf %variance_fast, %epsilon : f64

      // Some rows are summed once more, in f64: those whose squares overflow or vanish in f32, and
      // those whose mean is so far from the center that the difference above is inaccurate.
      %lowest = arith.constant 1.0e-28 : f64
      %highest = arith.constant 1.0e+28 : f64
      %most_lost = arith.constant 16.0 : f64
      %above = arith.cmpf ogt, %shifted_fast, %lowest : f64
      %below = arith.cmpf olt, %shifted_fast, %highest : f64
      %variance_times = arith.mulf %variance_fast, %most_lost : f64
      %is_near = arith.cmpf ole, %mean_square, %variance_times : f64
      %is_of_size = arith.andi %above, %below : i1
      %in_range = arith.andi %is_of_size, %is_near : i1
      %statistics:3 = scf.if %in_range -> (f32, f64, f64) {
        scf.yield %center_fast, %rest_fast, %shifted_fast : f32, f64, f64
      } else {
        %again = scf.for %k = %c0 to %n step %step iter_args(%sum_ = %none_wide) -> (!wide) {
          %at = vector.transfer_read %xs[%i, %k], %zero_x : !rows, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %v_wide = arith.extf %v : !lanes to !wide
          %next = arith.addf %sum_, %v_wide : !wide
          scf.yield %next : !wide
        }
        %sum_again = vector.reduction <add>, %again fastmath<reassoc> : !wide into f64
        %mean = arith.divf %sum_again, %count : f64
        %means = vector.broadcast %mean : f64 to !wide
        %inside_wide = arith.extf %inside : !lanes to !wide
        %square_full = scf.for %k = %c0 to %full step %step iter_args(%square = %none_wide) -> (!wide) {
          %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %v_wide = arith.extf %v : !lanes to !wide
          %off = arith.subf %v_wide, %means : !wide
          %next = math.fma %off, %off, %square : !wide
          scf.yield %next : !wide
        }
        %square_all = scf.for %k = %full to %n step %step iter_args(%square = %square_full) -> (!wide) {
          %at = vector.transfer_read %xs[%i, %k], %zero_x : !rows, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %v_wide = arith.extf %v : !lanes to !wide
          %off_any = arith.subf %v_wide, %means : !wide
          %off = arith.mulf %off_any, %inside_wide : !wide
          %next = math.fma %off, %off, %square : !wide
          scf.yield %next : !wide
        }
        %square_again = vector.reduction <add>, %square_all fastmath<reassoc> : !wide into f64
        %variance = arith.divf %square_again, %count : f64
        %shifted = arith.addf %variance, %epsilon : f64
        %center = arith.truncf %mean : f64 to f32
        %center_f64 = arith.extf %center : f32 to f64
        %rest_again = arith.subf %mean, %center_f64 : f64
        scf.yield %center, %rest_again, %shifted : f32, f64, f64
      }
      %one = arith.constant 1.0 : f64
      %root = math.sqrt %statistics#2 : f64
      %inverse_f64 = arith.divf %one, %root : f64
      %inverse = arith.truncf %inverse_f64 : f64 to f32
      %off_center = arith.truncf %statistics#1 : f64 to f32
      %scale = vector.broadcast %inverse : f32 to !lanes
      %rests = vector.broadcast %off_center : f32 to !lanes
      %centers = vector.broadcast %statistics#0 : f32 to !lanes

      scf.for %k = %c0 to %full step %step {
        %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
        %at_weight = vector.transfer_read %weights[%k], %zero_weight {in_bounds = [true]} : !weights, !vweight
        %at_bias = vector.transfer_read %biases[%k], %zero_bias {in_bounds = [true]} : !biases, !vbias
        %y = func.call @layer_norm_affine(%at, %centers, %rests, %scale, %at_weight, %at_bias) : (!vx, !lanes, !lanes, !lanes, !vweight, !vbias) -> !vx
        vector.store %y, %ys[%i, %k] alignment = #alignment nontemporal = #streamed : !rows, !vx
      }
      scf.for %k = %full to %n step %step {
        %at = vector.transfer_read %xs[%i, %k], %zero_x : !rows, !vx
        %at_weight = vector.transfer_read %weights[%k], %zero_weight : !weights, !vweight
        %at_bias = vector.transfer_read %biases[%k], %zero_bias : !biases, !vbias
        %y = func.call @layer_norm_affine(%at, %centers, %rests, %scale, %at_weight, %at_bias) : (!vx, !lanes, !lanes, !lanes, !vweight, !vbias) -> !vx
        vector.transfer_write %y, %ys[%i, %k] : !vx, !rows
      }
      llvm.fence seq_cst
      return
    }
  }
}

util.func private @layer_norm(%x: !x, %weight: !weight, %bias: !bias) -> !x {
  %first = arith.constant 0 : index
  %rows = tensor.dim %x, %first : !x
  %y = flow.dispatch @layer_norm_rows::@layer_norm[%rows](%x, %weight, %bias) : (!x{%rows}, !weight, !bias) -> !x{%rows}
  util.return %y : !x
}

// y = x / sqrt(mean(head(x)^2) + epsilon) * weight, along the rows of x, head(x) being x's first
// columns. Parameters: the element types, !x (rows x n), !weight (n), #n, #head (<= n), #epsilon,
// #weighted (whether there is a weight), #streamed (whether results go past the cache: they and their rows then lie
// at multiples of 64 bytes, and #alignment is 64), and the conversions to and from float32.
!element_x = f32
!element_weight = f32
!x = tensor<?x384x!element_x>
!weight = tensor<384x!element_weight>
#n = 384 : index
#head = 384 : index
#epsilon = 1.0e-6 : f32
#weighted = true
#streamed = false
#alignment = 1 : i64

!rows = memref<?x?x!element_x>
!heads = memref<?x?x!element_x, strided<[?, 1]>>
!features = memref<?x!element_weight>
!vx = vector<32x!element_x>
!vweight = vector<32x!element_weight>
!lanes = vector<32xf32>
!wide = vector<32xf64>
#layout = #hal.pipeline.layout<bindings = [
  #hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer, ReadOnly>,
  #hal.pipeline.binding<storage_buffer>
]>

// A workgroup takes a row. It reads it twice, the second time from the cache.
hal.executable.source private @rms_norm_rows {
  hal.executable.export public @rms_norm ordinal(0) layout(#layout) count(%device: !hal.device, %rows: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %rows, %one, %one : index, index, index
  }
  builtin.module {
    func.func private @widen_x(!vx) -> !lanes
    func.func private @widen_weight(!vweight) -> !lanes
    func.func private @narrow(!lanes) -> !vx

    func.func private @rms_norm_scaled(%v: !lanes, %scale: !lanes, %at_weight: !vweight) -> !vx {
      %weighted = arith.constant #weighted
      %w = func.call @widen_weight(%at_weight) : (!vweight) -> !lanes
      %scaled = arith.mulf %v, %scale : !lanes
      %times = arith.mulf %scaled, %w : !lanes
      %out = arith.select %weighted, %times, %scaled : !lanes
      %y = func.call @narrow(%out) : (!lanes) -> !vx
      return %y : !vx
    }

    func.func @rms_norm() {
      %c0 = arith.constant 0 : index
      %step = arith.constant 32 : index
      %block = arith.constant 256 : index
      %n = arith.constant #n
      %head = arith.constant #head
      %zero_x = arith.constant 0.0 : !element_x
      %zero_weight = arith.constant 0.0 : !element_weight
      %none = arith.constant dense<0.0> : !lanes
      %none_wide = arith.constant dense<0.0> : !wide
      %i = hal.interface.workgroup.id[0] : index
      %all_rows = hal.interface.workgroup.count[0] : index
      %xs = hal.interface.binding.subspan layout(#layout) binding(0) offset(%c0) : !rows{%all_rows, %n}
      %features = hal.interface.binding.subspan layout(#layout) binding(1) offset(%c0) : !features{%n}
      %ys = hal.interface.binding.subspan layout(#layout) binding(2) offset(%c0) : !rows{%all_rows, %n}

      // Each lane adds up blocks of eight squares, then the sums of the blocks; the lanes are added
      // in f64. So the rounding error stays small, although the terms are f32.
      %head_rest = arith.remui %head, %step : index
      %head_full = arith.subi %head, %head_rest : index
      %head_odd = arith.remui %head, %block : index
      %head_blocks = arith.subi %head, %head_odd : index
      %of_blocks = scf.for %j = %c0 to %head_blocks step %block iter_args(%sums = %none) -> (!lanes) {
        %end = arith.addi %j, %block : index
        %of_block = scf.for %k = %j to %end step %step iter_args(%sum = %none) -> (!lanes) {
          %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %next = math.fma %v, %v, %sum : !lanes
          scf.yield %next : !lanes
        }
        %next = arith.addf %sums, %of_block : !lanes
        scf.yield %next : !lanes
      }
      %of_full = scf.for %k = %head_blocks to %head_full step %step iter_args(%sum = %of_blocks) -> (!lanes) {
        %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %next = math.fma %v, %v, %sum : !lanes
        scf.yield %next : !lanes
      }
      %of_head = memref.subview %xs[0, 0] [%all_rows, %head] [1, 1] : !rows to !heads
      %of_all = scf.for %k = %head_full to %head step %step iter_args(%sum = %of_full) -> (!lanes) {
        %at = vector.transfer_read %of_head[%i, %k], %zero_x : !heads, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %next = math.fma %v, %v, %sum : !lanes
        scf.yield %next : !lanes
      }
      %of_all_wide = arith.extf %of_all : !lanes to !wide
      %squares = vector.reduction <add>, %of_all_wide fastmath<reassoc> : !wide into f64
      %count_i64 = arith.index_cast %head : index to i64
      %count = arith.sitofp %count_i64 : i64 to f64
      %epsilon_f32 = arith.constant #epsilon
      %epsilon = arith.extf %epsilon_f32 : f32 to f64
      %mean = arith.divf %squares, %count : f64
      %shifted = arith.addf %mean, %epsilon : f64

      // Squares of f32 overflow and vanish early; rows of such values are summed once more, in f64.
      %lowest = arith.constant 1.0e-28 : f64
      %highest = arith.constant 1.0e+28 : f64
      %above = arith.cmpf ogt, %shifted, %lowest : f64
      %below = arith.cmpf olt, %shifted, %highest : f64
      %in_range = arith.andi %above, %below : i1
      %radicand = scf.if %in_range -> (f64) {
        scf.yield %shifted : f64
      } else {
        %again = scf.for %k = %c0 to %head step %step iter_args(%sum = %none_wide) -> (!wide) {
          %at = vector.transfer_read %of_head[%i, %k], %zero_x : !heads, !vx
          %v = func.call @widen_x(%at) : (!vx) -> !lanes
          %v_wide = arith.extf %v : !lanes to !wide
          %next = math.fma %v_wide, %v_wide, %sum : !wide
          scf.yield %next : !wide
        }
        %squares_wide = vector.reduction <add>, %again fastmath<reassoc> : !wide into f64
        %mean_wide = arith.divf %squares_wide, %count : f64
        %shifted_wide = arith.addf %mean_wide, %epsilon : f64
        scf.yield %shifted_wide : f64
      }
      %one = arith.constant 1.0 : f64
      %root = math.sqrt %radicand : f64
      %inverse_f64 = arith.divf %one, %root : f64
      %inverse = arith.truncf %inverse_f64 : f64 to f32
      %scale = vector.broadcast %inverse : f32 to !lanes

      %rest = arith.remui %n, %step : index
      %full = arith.subi %n, %rest : index
      scf.for %k = %c0 to %full step %step {
        %at = vector.transfer_read %xs[%i, %k], %zero_x {in_bounds = [true]} : !rows, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %at_weight = vector.transfer_read %features[%k], %zero_weight {in_bounds = [true]} : !features, !vweight
        %y = func.call @rms_norm_scaled(%v, %scale, %at_weight) : (!lanes, !lanes, !vweight) -> !vx
        vector.store %y, %ys[%i, %k] alignment = #alignment nontemporal = #streamed : !rows, !vx
      }
      scf.for %k = %full to %n step %step {
        %at = vector.transfer_read %xs[%i, %k], %zero_x : !rows, !vx
        %v = func.call @widen_x(%at) : (!vx) -> !lanes
        %at_weight = vector.transfer_read %features[%k], %zero_weight : !features, !vweight
        %y = func.call @rms_norm_scaled(%v, %scale, %at_weight) : (!lanes, !lanes, !vweight) -> !vx
        vector.transfer_write %y, %ys[%i, %k] : !vx, !rows
      }
      llvm.fence seq_cst
      return
    }
  }
}

util.func private @rms_norm(%x: !x, %weight: !weight) -> !x {
  %first = arith.constant 0 : index
  %rows = tensor.dim %x, %first : !x
  %y = flow.dispatch @rms_norm_rows::@rms_norm[%rows](%x, %weight) : (!x{%rows}, !weight) -> !x{%rows}
  util.return %y : !x
}

// The weight is not read.
util.func private @rms_norm_weightless(%x: !x) -> !x {
  %first = arith.constant 0 : index
  %rows = tensor.dim %x, %first : !x
  %y = flow.dispatch @rms_norm_rows::@rms_norm[%rows](%x, %x) : (!x{%rows}, !x{%rows}) -> !x{%rows}
  util.return %y : !x
}

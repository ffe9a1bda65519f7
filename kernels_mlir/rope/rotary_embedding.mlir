// Rotate pairs of elements of each head by the angles of the token's position. A row of the cache has
// the angles' cos and sin. neox pairs element j with element j + half, gptj 2j with 2j + 1.
// Parameters: the element types, !x (tokens x heads * size), !cache (positions x 2 * half), #width
// (heads * size), #size (of a head), #half (of the rotated elements of a head), #neox, and the
// conversions to and from float32.
!element_x = f32
!element_cache = f32
!x = tensor<?x512x!element_x>
!cache = tensor<?x64x!element_cache>
#width = 512 : index
#size = 128 : index
#half = 32 : index
#neox = true

!row = tensor<1x?x!element_x>
!angles = tensor<?x?x!element_cache>
!positions = tensor<?xi64>
!vx = vector<32x!element_x>
!pairs = vector<64x!element_x>
!vcache = vector<32x!element_cache>
!lanes = vector<32xf32>
!mask = vector<32xi1>
!mask_of_pairs = vector<64xi1>
!x_in = !iree_tensor_ext.dispatch.tensor<readonly:!x>
!cache_in = !iree_tensor_ext.dispatch.tensor<readonly:!cache>
!positions_in = !iree_tensor_ext.dispatch.tensor<readonly:!positions>
!y_out = !iree_tensor_ext.dispatch.tensor<writeonly:!x>

util.func private @widen_x(!vx) -> !lanes
util.func private @widen_cache(!vcache) -> !lanes
util.func private @narrow(!lanes) -> !vx

// 32 or fewer elements of the cache, rounded to the dtype of x.
util.func private @rotary_angle(%angles: !angles, %position: index, %k: index, %mask: !mask) -> !lanes {
  %zero = arith.constant 0.0 : !element_cache
  %at = vector.transfer_read %angles[%position, %k], %zero, %mask {in_bounds = [true]} : !angles, !vcache
  %wide = util.call @widen_cache(%at) : (!vcache) -> !lanes
  %rounded = util.call @narrow(%wide) : (!lanes) -> !vx
  %y = util.call @widen_x(%rounded) : (!vx) -> !lanes
  util.return %y : !lanes
}

// Rotate the pairs from j on of the head that starts at %base: 32 of them, or %count if fewer.
util.func private @rotary_turn(%row: !row, %out: !row, %base: index, %j: index, %cos: !lanes, %sin: !lanes, %count: index) -> !row {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %half = arith.constant #half
  %neox = arith.constant #neox
  %zero = arith.constant 0.0 : !element_x
  %mask = vector.create_mask %count : !mask
  %count_of_pairs = arith.muli %count, %c2 : index
  %mask_of_pairs = vector.create_mask %count_of_pairs : !mask_of_pairs
  %k_first = arith.addi %base, %j : index
  %k_second = arith.addi %k_first, %half : index
  %j_twice = arith.muli %j, %c2 : index
  %k_pairs = arith.addi %base, %j_twice : index
  %at:2 = scf.if %neox -> (!vx, !vx) {
    %first = vector.transfer_read %row[%c0, %k_first], %zero, %mask {in_bounds = [true]} : !row, !vx
    %second = vector.transfer_read %row[%c0, %k_second], %zero, %mask {in_bounds = [true]} : !row, !vx
    scf.yield %first, %second : !vx, !vx
  } else {
    %pairs = vector.transfer_read %row[%c0, %k_pairs], %zero, %mask_of_pairs {in_bounds = [true]} : !row, !pairs
    %first, %second = vector.deinterleave %pairs : !pairs -> !vx
    scf.yield %first, %second : !vx, !vx
  }
  %a = util.call @widen_x(%at#0) : (!vx) -> !lanes
  %b = util.call @widen_x(%at#1) : (!vx) -> !lanes
  %a_cos = arith.mulf %a, %cos : !lanes
  %b_cos = arith.mulf %b, %cos : !lanes
  %a_sin = arith.mulf %a, %sin : !lanes
  %b_sin = arith.mulf %b, %sin : !lanes
  %a_turned = arith.subf %a_cos, %b_sin : !lanes
  %b_turned = arith.addf %b_cos, %a_sin : !lanes
  %first_y = util.call @narrow(%a_turned) : (!lanes) -> !vx
  %second_y = util.call @narrow(%b_turned) : (!lanes) -> !vx
  %next = scf.if %neox -> (!row) {
    %one = vector.transfer_write %first_y, %out[%c0, %k_first], %mask {in_bounds = [true]} : !vx, !row
    %both = vector.transfer_write %second_y, %one[%c0, %k_second], %mask {in_bounds = [true]} : !vx, !row
    scf.yield %both : !row
  } else {
    %pairs_y = vector.interleave %first_y, %second_y : !vx -> !pairs
    %both = vector.transfer_write %pairs_y, %out[%c0, %k_pairs], %mask_of_pairs {in_bounds = [true]} : !pairs, !row
    scf.yield %both : !row
  }
  util.return %next : !row
}

// A workgroup takes a token. A position outside of the cache uses its first or last row; on the CPU
// callers refuse such positions.
util.func private @rotary_embedding(%positions: !positions, %x: !x, %cache: !cache) -> !x {
  %first = arith.constant 0 : index
  %tokens = tensor.dim %x, %first : !x
  %rows_of_cache = tensor.dim %cache, %first : !cache
  %y = flow.dispatch.workgroups[%tokens](%positions, %x, %cache, %tokens, %rows_of_cache) : (!positions{%tokens}, !x{%tokens}, !cache{%rows_of_cache}, index, index) -> !x{%tokens} =
  (%positions_in: !positions_in, %x_in: !x_in, %cache_in: !cache_in, %all: index, %cached: index, %y_out: !y_out) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %step = arith.constant 32 : index
    %width = arith.constant #width
    %size = arith.constant #size
    %half = arith.constant #half
    %turned = arith.addi %half, %half : index
    %zero = arith.constant 0.0 : !element_x
    %ps = flow.dispatch.tie_shape %positions_in : !positions_in{%all}
    %xs = flow.dispatch.tie_shape %x_in : !x_in{%all}
    %cs = flow.dispatch.tie_shape %cache_in : !cache_in{%cached}
    %ys = flow.dispatch.tie_shape %y_out : !y_out{%all}
    %i = flow.dispatch.workgroup.id[0] : index
    %row = iree_tensor_ext.dispatch.tensor.load %xs, offsets = [%i, 0], sizes = [1, %width], strides = [1, 1] : !x_in{%all} -> !row
    %all_positions = iree_tensor_ext.dispatch.tensor.load %ps, offsets = [0], sizes = [%all], strides = [1] : !positions_in{%all} -> !positions
    %angles = iree_tensor_ext.dispatch.tensor.load %cs, offsets = [0, 0], sizes = [%cached, %turned], strides = [1, 1] : !cache_in{%cached} -> !angles

    %position_i64 = tensor.extract %all_positions[%i] : !positions
    %zero_i64 = arith.constant 0 : i64
    %last = arith.subi %cached, %c1 : index
    %last_i64 = arith.index_cast %last : index to i64
    %not_negative = arith.maxsi %position_i64, %zero_i64 : i64
    %in_range = arith.minsi %not_negative, %last_i64 : i64
    %position = arith.index_cast %in_range : i64 to index

    %rest = arith.remui %half, %step : index
    %full = arith.subi %half, %rest : index
    %all_lanes = vector.create_mask %step : !mask
    %empty = tensor.empty(%width) : !row
    %of_lanes = scf.for %j = %c0 to %full step %step iter_args(%out = %empty) -> (!row) {
      %j_sin = arith.addi %j, %half : index
      %cos = util.call @rotary_angle(%angles, %position, %j, %all_lanes) : (!angles, index, index, !mask) -> !lanes
      %sin = util.call @rotary_angle(%angles, %position, %j_sin, %all_lanes) : (!angles, index, index, !mask) -> !lanes
      %of_heads = scf.for %base = %c0 to %width step %size iter_args(%inner = %out) -> (!row) {
        %next = util.call @rotary_turn(%row, %inner, %base, %j, %cos, %sin, %step) : (!row, !row, index, index, !lanes, !lanes, index) -> !row
        scf.yield %next : !row
      }
      scf.yield %of_heads : !row
    }
    %some_lanes = vector.create_mask %rest : !mask
    %of_half = scf.for %j = %full to %half step %step iter_args(%out = %of_lanes) -> (!row) {
      %j_sin = arith.addi %j, %half : index
      %cos = util.call @rotary_angle(%angles, %position, %j, %some_lanes) : (!angles, index, index, !mask) -> !lanes
      %sin = util.call @rotary_angle(%angles, %position, %j_sin, %some_lanes) : (!angles, index, index, !mask) -> !lanes
      %of_heads = scf.for %base = %c0 to %width step %size iter_args(%inner = %out) -> (!row) {
        %next = util.call @rotary_turn(%row, %inner, %base, %j, %cos, %sin, %rest) : (!row, !row, index, index, !lanes, !lanes, index) -> !row
        scf.yield %next : !row
      }
      scf.yield %of_heads : !row
    }

    // The other elements of a head are copied unchanged.
    %passed = arith.subi %size, %turned : index
    %passed_rest = arith.remui %passed, %step : index
    %passed_full = arith.subi %size, %passed_rest : index
    %passed_lanes = vector.create_mask %passed_rest : !mask
    %of_row = scf.for %base = %c0 to %width step %size iter_args(%out = %of_half) -> (!row) {
      %of_full = scf.for %j = %turned to %passed_full step %step iter_args(%inner = %out) -> (!row) {
        %k = arith.addi %base, %j : index
        %at = vector.transfer_read %row[%c0, %k], %zero {in_bounds = [true]} : !row, !vx
        %next = vector.transfer_write %at, %inner[%c0, %k] {in_bounds = [true]} : !vx, !row
        scf.yield %next : !row
      }
      %of_all = scf.for %j = %passed_full to %size step %step iter_args(%inner = %of_full) -> (!row) {
        %k = arith.addi %base, %j : index
        %at = vector.transfer_read %row[%c0, %k], %zero, %passed_lanes {in_bounds = [true]} : !row, !vx
        %next = vector.transfer_write %at, %inner[%c0, %k], %passed_lanes {in_bounds = [true]} : !vx, !row
        scf.yield %next : !row
      }
      scf.yield %of_all : !row
    }
    iree_tensor_ext.dispatch.tensor.store %of_row, %ys, offsets = [%i, 0], sizes = [1, %width], strides = [1, 1] : !row -> !y_out{%all}
    flow.return
  } count(%grid: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    flow.return %grid, %one, %one : index, index, index
  }
  util.return %y : !x
}

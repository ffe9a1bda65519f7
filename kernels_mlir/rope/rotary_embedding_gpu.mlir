// rotary_embedding for GPUs. Parameters: !cache (positions x 2 * half) and its !element, !gathered
// (tokens x 2 * half, of the same element type), !x (tokens x heads * size) and !angles
// (tokens x 2 * half) in f32, #size (of a head), #half (of the rotated elements of a head), #neox.
!element = f32
!cache = tensor<?x64x!element>
!gathered = tensor<?x64x!element>
!x = tensor<?x512xf32>
!angles = tensor<?x64xf32>
#size = 128 : index
#half = 32 : index
#neox = true

!positions = tensor<?xi64>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>

// The row of the cache for each token; the positions were checked.
util.func private @rotary_angles(%positions: !positions, %cache: !cache) -> !gathered {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %positions, %c0 : !positions
  %empty = tensor.empty(%tokens) : !gathered
  %y = linalg.generic {indexing_maps = [#of_row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%positions : !positions) outs(%empty : !gathered) {
  ^bb0(%at: i64, %_: !element):
    %k = linalg.index 1 : index
    %position = arith.index_cast %at : i64 to index
    %angle = tensor.extract %cache[%position, %k] : !cache
    linalg.yield %angle : !element
  } -> !gathered
  util.return %y : !gathered
}

util.func private @rotary_turned(%x_any: !x, %angles_any: !angles) -> !x {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x_any, %c0 : !x
  // Without this barrier the conversion to f32 would be repeated for each extracted element.
  %x = iree_tensor_ext.compute_barrier.start %x_any : !x{%tokens} -> !x
  %angles = iree_tensor_ext.compute_barrier.start %angles_any : !angles{%tokens} -> !angles
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %size = arith.constant #size
  %half = arith.constant #half
  %neox = arith.constant #neox
  %turned = arith.addi %half, %half : index
  %last = arith.subi %half, %c1 : index
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : !x) outs(%x : !x) {
  ^bb0(%v: f32, %_: f32):
    %i = linalg.index 0 : index
    %k = linalg.index 1 : index
    %d = arith.remui %k, %size : index
    %base = arith.subi %k, %d : index
    %inside = arith.cmpi ult, %d, %turned : index
    // neox: pair j is (j, j + half); gptj: (2j, 2j + 1).
    %is_low = arith.cmpi ult, %d, %half : index
    %d_low = arith.subi %d, %half : index
    %j_neox = arith.select %is_low, %d, %d_low : index
    %other_high = arith.addi %j_neox, %half : index
    %other_neox = arith.select %is_low, %other_high, %j_neox : index
    %j_gptj = arith.divui %d, %c2 : index
    %parity = arith.remui %d, %c2 : index
    %is_even = arith.cmpi ult, %parity, %c1 : index
    %d_after = arith.addi %d, %c1 : index
    %d_before = arith.subi %d, %c1 : index
    %other_gptj = arith.select %is_even, %d_after, %d_before : index
    %j_any = arith.select %neox, %j_neox, %j_gptj : index
    %j = arith.minui %j_any, %last : index
    %is_first = arith.select %neox, %is_low, %is_even : i1
    %other_any = arith.select %neox, %other_neox, %other_gptj : index
    %other_d = arith.select %inside, %other_any, %d : index
    %other_k = arith.addi %base, %other_d : index
    %j_sin = arith.addi %j, %half : index
    %other = tensor.extract %x[%i, %other_k] : !x
    %cos = tensor.extract %angles[%i, %j] : !angles
    %sin = tensor.extract %angles[%i, %j_sin] : !angles
    %v_cos = arith.mulf %v, %cos : f32
    %other_sin = arith.mulf %other, %sin : f32
    %less = arith.subf %v_cos, %other_sin : f32
    %more = arith.addf %v_cos, %other_sin : f32
    %after = arith.select %is_first, %less, %more : f32
    %out = arith.select %inside, %after, %v : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}

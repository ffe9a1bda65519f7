// Attention within segments for GPUs: one invocation computes 4 channels of one query position of
// one head, with the online softmax over the keys of its segment; scores are computed once for each
// 4 channels. No scratch memory, so any depth. Parameters: !query, !kv, !out, !part (channels in
// blocks of ceil(depth / 4)), #scale, #group (query heads per key head), #depth. Everything is f32.
!query = tensor<?x?x12x32xf32>
!kv = tensor<?x?x12x32xf32>
!out = tensor<?x?x12x32xf32>
!part = tensor<?x?x12x8xf32>
#scale = 0.17677669 : f32
#group = 1 : index
#depth = 32 : index

!cu = tensor<?xi32>
!bound = tensor<?xi32>
#id = affine_map<(b, s, h, c) -> (b, s, h, c)>
#of_token = affine_map<(b, s, h, c) -> (s)>
#each_token = affine_map<(s) -> (s)>

// One segment holds all tokens.
util.func private @dense(%query: !query, %key: !kv, %value: !kv) -> !out {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %seq = tensor.dim %query, %c1 : !query
  %seq_i32 = arith.index_cast %seq : index to i32
  %empty = tensor.empty(%seq) : !bound
  %starts = linalg.fill ins(%zero : i32) outs(%empty : !bound) -> !bound
  %ends = linalg.fill ins(%seq_i32 : i32) outs(%empty : !bound) -> !bound
  %out = util.call @attend(%query, %key, %value, %starts, %ends) : (!query, !kv, !kv, !bound, !bound) -> !out
  util.return %out : !out
}

// The segment of a token starts at the last bound up to it and ends at the first one after it,
// both clamped to the sequence. A token that lacks either has the empty segment 0..0.
util.func private @packed(%query: !query, %key: !kv, %value: !kv, %cu_seqlens: !cu) -> !out {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %minus_one = arith.constant -1 : i32
  %seq = tensor.dim %query, %c1 : !query
  %seq_i32 = arith.index_cast %seq : index to i32
  %beyond = arith.addi %seq_i32, %one : i32
  %bounds = tensor.dim %cu_seqlens, %c0 : !cu
  %empty = tensor.empty(%seq) : !bound
  %segments:2 = linalg.generic {indexing_maps = [#each_token, #each_token], iterator_types = ["parallel"]}
      outs(%empty, %empty : !bound, !bound) {
  ^bb0(%_0: i32, %_1: i32):
    %token = linalg.index 0 : index
    %token_i32 = arith.index_cast %token : index to i32
    %found:2 = scf.for %i = %c0 to %bounds step %c1 iter_args(%start = %minus_one, %end = %beyond) -> (i32, i32) {
      %bound = tensor.extract %cu_seqlens[%i] : !cu
      %before = arith.cmpi sle, %bound, %token_i32 : i32
      %from_0 = arith.maxsi %bound, %zero : i32
      %to_end = arith.minsi %bound, %seq_i32 : i32
      %later = arith.maxsi %start, %from_0 : i32
      %earlier = arith.minsi %end, %to_end : i32
      %next_start = arith.select %before, %later, %start : i32
      %next_end = arith.select %before, %end, %earlier : i32
      scf.yield %next_start, %next_end : i32, i32
    }
    %has_start = arith.cmpi sge, %found#0, %zero : i32
    %has_end = arith.cmpi sle, %found#1, %seq_i32 : i32
    %has = arith.andi %has_start, %has_end : i1
    %start = arith.select %has, %found#0, %zero : i32
    %end = arith.select %has, %found#1, %zero : i32
    linalg.yield %start, %end : i32, i32
  } -> (!bound, !bound)
  %out = util.call @attend(%query, %key, %value, %segments#0, %segments#1) : (!query, !kv, !kv, !bound, !bound) -> !out
  util.return %out : !out
}

// Each token attends to the tokens from its segment's start to before its end; 0 if there are none.
util.func private @attend(%query: !query, %key: !kv, %value: !kv, %starts: !bound, %ends: !bound) -> !out {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %group = arith.constant #group
  %depth = arith.constant #depth
  %scale = arith.constant #scale
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF7FFFFF : f32
  %batch = tensor.dim %query, %c0 : !query
  %seq = tensor.dim %query, %c1 : !query
  // Without these barriers IREE would repeat the conversion to f32 in the dispatch that extracts
  // elements, with the whole tensor in shared memory.
  %q_all = iree_tensor_ext.compute_barrier.start %query : !query{%batch, %seq} -> !query
  %k_all = iree_tensor_ext.compute_barrier.start %key : !kv{%batch, %seq} -> !kv
  %v_all = iree_tensor_ext.compute_barrier.start %value : !kv{%batch, %seq} -> !kv
  %empty = tensor.empty(%batch, %seq) : !part
  %block = tensor.dim %empty, %c3 : !part
  %last = arith.subi %depth, %c1 : index
  %parts:4 = linalg.generic {
      indexing_maps = [#of_token, #of_token, #id, #id, #id, #id],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%starts, %ends : !bound, !bound)
      outs(%empty, %empty, %empty, %empty : !part, !part, !part, !part) {
  ^bb0(%start_i32: i32, %end_i32: i32, %_0: f32, %_1: f32, %_2: f32, %_3: f32):
    %b = linalg.index 0 : index
    %s = linalg.index 1 : index
    %h = linalg.index 2 : index
    %d0 = linalg.index 3 : index
    %kh = arith.divui %h, %group : index
    %start = arith.index_cast %start_i32 : i32 to index
    %end = arith.index_cast %end_i32 : i32 to index
    // Channels beyond the depth are computed as its last one, and not used.
    %next1 = arith.addi %d0, %block : index
    %d1 = arith.minui %next1, %last : index
    %next2 = arith.addi %next1, %block : index
    %d2 = arith.minui %next2, %last : index
    %next3 = arith.addi %next2, %block : index
    %d3 = arith.minui %next3, %last : index
    %sums:6 = scf.for %j = %start to %end step %c1
        iter_args(%max = %lowest, %sum = %zero, %acc0 = %zero, %acc1 = %zero, %acc2 = %zero, %acc3 = %zero)
        -> (f32, f32, f32, f32, f32, f32) {
      %dot = scf.for %e = %c0 to %depth step %c1 iter_args(%acc = %zero) -> (f32) {
        %q = tensor.extract %q_all[%b, %s, %h, %e] : !query
        %k = tensor.extract %k_all[%b, %j, %kh, %e] : !kv
        %next = math.fma %q, %k, %acc : f32
        scf.yield %next : f32
      }
      %score = arith.mulf %dot, %scale : f32
      // Not arith.maximumf: a NaN must not become the maximum, but stay in the sums.
      %higher = arith.cmpf ogt, %score, %max : f32
      %next_max = arith.select %higher, %score, %max : f32
      %fall = arith.subf %max, %next_max : f32
      %correction = math.exp %fall : f32
      %below = arith.subf %score, %next_max : f32
      %p = math.exp %below : f32
      %next_sum = math.fma %sum, %correction, %p : f32
      %v0 = tensor.extract %v_all[%b, %j, %kh, %d0] : !kv
      %old0 = arith.mulf %acc0, %correction : f32
      %new0 = math.fma %p, %v0, %old0 : f32
      %v1 = tensor.extract %v_all[%b, %j, %kh, %d1] : !kv
      %old1 = arith.mulf %acc1, %correction : f32
      %new1 = math.fma %p, %v1, %old1 : f32
      %v2 = tensor.extract %v_all[%b, %j, %kh, %d2] : !kv
      %old2 = arith.mulf %acc2, %correction : f32
      %new2 = math.fma %p, %v2, %old2 : f32
      %v3 = tensor.extract %v_all[%b, %j, %kh, %d3] : !kv
      %old3 = arith.mulf %acc3, %correction : f32
      %new3 = math.fma %p, %v3, %old3 : f32
      scf.yield %next_max, %next_sum, %new0, %new1, %new2, %new3 : f32, f32, f32, f32, f32, f32
    }
    %none = arith.cmpi sge, %start, %end : index
    %mean0 = arith.divf %sums#2, %sums#1 : f32
    %out0 = arith.select %none, %zero, %mean0 : f32
    %mean1 = arith.divf %sums#3, %sums#1 : f32
    %out1 = arith.select %none, %zero, %mean1 : f32
    %mean2 = arith.divf %sums#4, %sums#1 : f32
    %out2 = arith.select %none, %zero, %mean2 : f32
    %mean3 = arith.divf %sums#5, %sums#1 : f32
    %out3 = arith.select %none, %zero, %mean3 : f32
    linalg.yield %out0, %out1, %out2, %out3 : f32, f32, f32, f32
  } -> (!part, !part, !part, !part)
  // Put the blocks of channels side by side.
  %empty_out = tensor.empty(%batch, %seq) : !out
  %out = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      outs(%empty_out : !out) {
  ^bb0(%_: f32):
    %b = linalg.index 0 : index
    %s = linalg.index 1 : index
    %h = linalg.index 2 : index
    %d = linalg.index 3 : index
    %c = arith.remui %d, %block : index
    %part = arith.divui %d, %block : index
    %x0 = tensor.extract %parts#0[%b, %s, %h, %c] : !part
    %part1 = arith.constant 1 : index
    %is1 = arith.cmpi eq, %part, %part1 : index
    %y1 = tensor.extract %parts#1[%b, %s, %h, %c] : !part
    %x1 = arith.select %is1, %y1, %x0 : f32
    %part2 = arith.constant 2 : index
    %is2 = arith.cmpi eq, %part, %part2 : index
    %y2 = tensor.extract %parts#2[%b, %s, %h, %c] : !part
    %x2 = arith.select %is2, %y2, %x1 : f32
    %part3 = arith.constant 3 : index
    %is3 = arith.cmpi eq, %part, %part3 : index
    %y3 = tensor.extract %parts#3[%b, %s, %h, %c] : !part
    %x3 = arith.select %is3, %y3, %x2 : f32
    linalg.yield %x3 : f32
  } -> !out
  util.return %out : !out
}

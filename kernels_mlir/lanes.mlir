// The CPU kernels use these functions to turn 32 elements in memory into 32 float32 lanes, and back.
// Lane i holds element i, except for bf16 activations. For these the first 16 lanes hold the
// elements at even positions, and the last 16 those at odd positions ("split"), because a shift and
// a mask separate two bf16 that share 32 bits. Operands combined with such lanes are split, too.

util.func private @widen_f32(%x: vector<32xf32>) -> vector<32xf32> {
  util.return %x : vector<32xf32>
}

util.func private @widen_f16(%x: vector<32xf16>) -> vector<32xf32> {
  %y = arith.extf %x : vector<32xf16> to vector<32xf32>
  util.return %y : vector<32xf32>
}

util.func private @widen_bf16(%x: vector<32xbf16>) -> vector<32xf32> {
  %y = arith.extf %x : vector<32xbf16> to vector<32xf32>
  util.return %y : vector<32xf32>
}

util.func private @widen_f32_split(%x: vector<32xf32>) -> vector<32xf32> {
  %y = util.call @split(%x) : (vector<32xf32>) -> vector<32xf32>
  util.return %y : vector<32xf32>
}

util.func private @widen_f16_split(%x: vector<32xf16>) -> vector<32xf32> {
  %wide = arith.extf %x : vector<32xf16> to vector<32xf32>
  %y = util.call @split(%wide) : (vector<32xf32>) -> vector<32xf32>
  util.return %y : vector<32xf32>
}

util.func private @widen_bf16_split(%x: vector<32xbf16>) -> vector<32xf32> {
  %low_bits = arith.constant dense<16> : vector<16xi32>
  %high = arith.constant dense<0xFFFF0000> : vector<16xi32>
  %pairs = vector.bitcast %x : vector<32xbf16> to vector<16xi32>
  %even = arith.shli %pairs, %low_bits : vector<16xi32>
  %odd = arith.andi %pairs, %high : vector<16xi32>
  %bits = vector.shuffle %even, %odd [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
  %y = arith.bitcast %bits : vector<32xi32> to vector<32xf32>
  util.return %y : vector<32xf32>
}

util.func private @narrow_f32(%x: vector<32xf32>) -> vector<32xf32> {
  util.return %x : vector<32xf32>
}

util.func private @narrow_f16(%x: vector<32xf32>) -> vector<32xf16> {
  %y = arith.truncf %x : vector<32xf32> to vector<32xf16>
  util.return %y : vector<32xf16>
}

// Rounds to nearest, ties to even. A NaN must have its low 16 bits clear, so that it stays NaN. That
// is so for NaNs from bf16 tensors, and for NaNs that arithmetic makes from numbers.
util.func private @narrow_bf16_split(%x: vector<32xf32>) -> vector<32xbf16> {
  %bits = arith.bitcast %x : vector<32xf32> to vector<32xi32>
  %y = util.call @round_to_bf16(%bits) : (vector<32xi32>) -> vector<32xbf16>
  util.return %y : vector<32xbf16>
}

// The same where NaNs of any payload may occur.
util.func private @narrow_bf16_split_any_nan(%x: vector<32xf32>) -> vector<32xbf16> {
  %nan = arith.constant dense<0x7FC00000> : vector<32xf32>
  %is_nan = arith.cmpf uno, %x, %x : vector<32xf32>
  %plain = arith.select %is_nan, %nan, %x : vector<32xi1>, vector<32xf32>
  %bits = arith.bitcast %plain : vector<32xf32> to vector<32xi32>
  %y = util.call @round_to_bf16(%bits) : (vector<32xi32>) -> vector<32xbf16>
  util.return %y : vector<32xbf16>
}

util.func private @round_to_bf16(%bits: vector<32xi32>) -> vector<32xbf16> {
  %below_half = arith.constant dense<0x7FFF> : vector<32xi32>
  %one = arith.constant dense<1> : vector<32xi32>
  %low_bits = arith.constant dense<16> : vector<32xi32>
  %low_bits_of_even = arith.constant dense<16> : vector<16xi32>
  %high = arith.constant dense<0xFFFF0000> : vector<16xi32>
  %kept = arith.shrui %bits, %low_bits : vector<32xi32>
  %lowest_kept = arith.andi %kept, %one : vector<32xi32>
  %raised = arith.addi %bits, %below_half : vector<32xi32>
  %rounded = arith.addi %raised, %lowest_kept : vector<32xi32>
  %even_high = vector.shuffle %rounded, %rounded [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<32xi32>, vector<32xi32>
  %odd_high = vector.shuffle %rounded, %rounded [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<32xi32>, vector<32xi32>
  %even = arith.shrui %even_high, %low_bits_of_even : vector<16xi32>
  %odd = arith.andi %odd_high, %high : vector<16xi32>
  %pairs = arith.ori %even, %odd : vector<16xi32>
  %y = vector.bitcast %pairs : vector<16xi32> to vector<32xbf16>
  util.return %y : vector<32xbf16>
}

util.func private @split(%x: vector<32xf32>) -> vector<32xf32> {
  %y = vector.shuffle %x, %x [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31] : vector<32xf32>, vector<32xf32>
  util.return %y : vector<32xf32>
}

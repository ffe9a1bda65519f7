#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0) -> ()>
#map2 = affine_map<(d0, d1) -> (d1)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
module {
  func.func public @main(%arg0: tensor<?xi64>, %arg1: tensor<?x48xf32>, %arg2: tensor<?x12xf32>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}, %arg4: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x48xf32>, tensor<1x4xi64>) attributes {iree.reflection = {ir_runtime.indices = "[{\22argument\22: \22positions\22, \22of\22: \22rotary_embedding\22, \22op\22: \22rotary_embedding\22}]"}} {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg2, %c0 : tensor<?x12xf32>
    %0 = arith.index_cast %dim : index to i64
    %c0_i64 = arith.constant 0 : i64
    %1 = arith.cmpi sgt, %0, %c0_i64 : i64
    %c0_0 = arith.constant 0 : index
    %dim_1 = tensor.dim %arg0, %c0_0 : tensor<?xi64>
    %2 = arith.index_cast %dim_1 : index to i64
    %3 = arith.cmpi eq, %2, %c0_i64 : i64
    %4 = arith.ori %1, %3 : i1
    cf.assert %4, "indices of a dimension without elements: {\22argument\22: \22positions\22, \22of\22: \22rotary_embedding\22, \22op\22: \22rotary_embedding\22}"
    %c0_i64_2 = arith.constant 0 : i64
    %5:2 = util.call @ir_runtime_check_index_8e5b8005(%arg0, %0, %c0_i64_2) : (tensor<?xi64>, i64, i64) -> (tensor<?xi64>, tensor<4xi64>)
    %6 = util.call @rotary_embedding(%5#0, %arg1, %arg2) : (tensor<?xi64>, tensor<?x48xf32>, tensor<?x12xf32>) -> tensor<?x48xf32>
    %7 = util.call @ir_runtime_join_reports_b7e4dc44(%5#1) : (tensor<4xi64>) -> tensor<1x4xi64>
    return %6, %7 : tensor<?x48xf32>, tensor<1x4xi64>
  }
  util.func private @ir_runtime_check_index_8e5b8005(%arg0: tensor<?xi64>, %arg1: i64, %arg2: i64) -> (tensor<?xi64>, tensor<4xi64>) {
    %c0_i64 = arith.constant 0 : i64
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %0 = arith.subi %arg1, %c1_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xi64>
    %1 = tensor.empty(%dim) : tensor<?xi64>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%arg0 : tensor<?xi64>) outs(%1 : tensor<?xi64>) {
    ^bb0(%in: i64, %out: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.cmpi slt, %9, %c0_i64 : i64
      %11 = arith.select %10, %arg2, %c0_i64 : i64
      %12 = arith.subi %9, %11 : i64
      %13 = arith.minsi %12, %0 : i64
      %14 = arith.maxsi %13, %c0_i64 : i64
      %15 = arith.addi %14, %c0_i64 : i64
      linalg.yield %15 : i64
    } -> tensor<?xi64>
    %3 = tensor.empty() : tensor<i64>
    %4 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %5 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %6:2 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["reduction"]} ins(%arg0 : tensor<?xi64>) outs(%4, %5 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_0: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.minsi %9, %out : i64
      %11 = arith.maxsi %9, %out_0 : i64
      linalg.yield %10, %11 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %7 = tensor.empty() : tensor<4xi64>
    %8 = linalg.generic {indexing_maps = [#map1, #map1, #map], iterator_types = ["parallel"]} ins(%6#0, %6#1 : tensor<i64>, tensor<i64>) outs(%7 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %out: i64):
      %9 = linalg.index 0 : index
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %10 = arith.cmpi eq, %9, %c0_1 : index
      %11 = arith.cmpi eq, %9, %c1 : index
      %12 = arith.cmpi eq, %9, %c2 : index
      %13 = arith.select %12, %arg2, %arg1 : i64
      %14 = arith.select %11, %in_0, %13 : i64
      %15 = arith.select %10, %in, %14 : i64
      linalg.yield %15 : i64
    } -> tensor<4xi64>
    util.return %2, %8 : tensor<?xi64>, tensor<4xi64>
  }
  util.func private @widen_f32(%arg0: vector<32xf32>) -> vector<32xf32> {
    util.return %arg0 : vector<32xf32>
  }
  util.func private @widen_f16(%arg0: vector<32xf16>) -> vector<32xf32> {
    %0 = arith.extf %arg0 : vector<32xf16> to vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @widen_bf16(%arg0: vector<32xbf16>) -> vector<32xf32> {
    %0 = arith.extf %arg0 : vector<32xbf16> to vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @widen_f32_split(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = util.call @split(%arg0) : (vector<32xf32>) -> vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @widen_f16_split(%arg0: vector<32xf16>) -> vector<32xf32> {
    %0 = arith.extf %arg0 : vector<32xf16> to vector<32xf32>
    %1 = util.call @split(%0) : (vector<32xf32>) -> vector<32xf32>
    util.return %1 : vector<32xf32>
  }
  util.func private @widen_bf16_split(%arg0: vector<32xbf16>) -> vector<32xf32> {
    %cst = arith.constant dense<16> : vector<16xi32>
    %cst_0 = arith.constant dense<-65536> : vector<16xi32>
    %0 = vector.bitcast %arg0 : vector<32xbf16> to vector<16xi32>
    %1 = arith.shli %0, %cst : vector<16xi32>
    %2 = arith.andi %0, %cst_0 : vector<16xi32>
    %3 = vector.shuffle %1, %2 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
    %4 = arith.bitcast %3 : vector<32xi32> to vector<32xf32>
    util.return %4 : vector<32xf32>
  }
  util.func private @narrow_f32(%arg0: vector<32xf32>) -> vector<32xf32> {
    util.return %arg0 : vector<32xf32>
  }
  util.func private @narrow_f16(%arg0: vector<32xf32>) -> vector<32xf16> {
    %0 = arith.truncf %arg0 : vector<32xf32> to vector<32xf16>
    util.return %0 : vector<32xf16>
  }
  util.func private @narrow_bf16_split(%arg0: vector<32xf32>) -> vector<32xbf16> {
    %0 = arith.bitcast %arg0 : vector<32xf32> to vector<32xi32>
    %1 = util.call @round_to_bf16(%0) : (vector<32xi32>) -> vector<32xbf16>
    util.return %1 : vector<32xbf16>
  }
  util.func private @narrow_bf16_split_any_nan(%arg0: vector<32xf32>) -> vector<32xbf16> {
    %cst = arith.constant dense<0x7FC00000> : vector<32xf32>
    %0 = arith.cmpf uno, %arg0, %arg0 : vector<32xf32>
    %1 = arith.select %0, %cst, %arg0 : vector<32xi1>, vector<32xf32>
    %2 = arith.bitcast %1 : vector<32xf32> to vector<32xi32>
    %3 = util.call @round_to_bf16(%2) : (vector<32xi32>) -> vector<32xbf16>
    util.return %3 : vector<32xbf16>
  }
  util.func private @round_to_bf16(%arg0: vector<32xi32>) -> vector<32xbf16> {
    %cst = arith.constant dense<32767> : vector<32xi32>
    %cst_0 = arith.constant dense<1> : vector<32xi32>
    %cst_1 = arith.constant dense<16> : vector<32xi32>
    %cst_2 = arith.constant dense<16> : vector<16xi32>
    %cst_3 = arith.constant dense<-65536> : vector<16xi32>
    %0 = arith.shrui %arg0, %cst_1 : vector<32xi32>
    %1 = arith.andi %0, %cst_0 : vector<32xi32>
    %2 = arith.addi %arg0, %cst : vector<32xi32>
    %3 = arith.addi %2, %1 : vector<32xi32>
    %4 = vector.shuffle %3, %3 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<32xi32>, vector<32xi32>
    %5 = vector.shuffle %3, %3 [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<32xi32>, vector<32xi32>
    %6 = arith.shrui %4, %cst_2 : vector<16xi32>
    %7 = arith.andi %5, %cst_3 : vector<16xi32>
    %8 = arith.ori %6, %7 : vector<16xi32>
    %9 = vector.bitcast %8 : vector<16xi32> to vector<32xbf16>
    util.return %9 : vector<32xbf16>
  }
  util.func private @split(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = vector.shuffle %arg0, %arg0 [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31] : vector<32xf32>, vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @widen_x(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = util.call @widen_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @widen_cache(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = util.call @widen_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @narrow(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = util.call @narrow_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @rotary_angle(%arg0: tensor<?x?xf32>, %arg1: index, %arg2: index, %arg3: vector<32xi1>) -> vector<32xf32> {
    %cst = arith.constant 0.000000e+00 : f32
    %0 = vector.transfer_read %arg0[%arg1, %arg2], %cst, %arg3 {in_bounds = [true]} : tensor<?x?xf32>, vector<32xf32>
    %1 = util.call @widen_cache(%0) : (vector<32xf32>) -> vector<32xf32>
    %2 = util.call @narrow(%1) : (vector<32xf32>) -> vector<32xf32>
    %3 = util.call @widen_x(%2) : (vector<32xf32>) -> vector<32xf32>
    util.return %3 : vector<32xf32>
  }
  util.func private @rotary_turn(%arg0: tensor<1x?xf32>, %arg1: tensor<1x?xf32>, %arg2: index, %arg3: index, %arg4: vector<32xf32>, %arg5: vector<32xf32>, %arg6: index) -> tensor<1x?xf32> {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c6 = arith.constant 6 : index
    %false = arith.constant false
    %cst = arith.constant 0.000000e+00 : f32
    %0 = vector.create_mask %arg6 : vector<32xi1>
    %1 = arith.muli %arg6, %c2 : index
    %2 = vector.create_mask %1 : vector<64xi1>
    %3 = arith.addi %arg2, %arg3 : index
    %4 = arith.addi %3, %c6 : index
    %5 = arith.muli %arg3, %c2 : index
    %6 = arith.addi %arg2, %5 : index
    %7:2 = scf.if %false -> (vector<32xf32>, vector<32xf32>) {
      %19 = vector.transfer_read %arg0[%c0, %3], %cst, %0 {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
      %20 = vector.transfer_read %arg0[%c0, %4], %cst, %0 {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
      scf.yield %19, %20 : vector<32xf32>, vector<32xf32>
    } else {
      %19 = vector.transfer_read %arg0[%c0, %6], %cst, %2 {in_bounds = [true]} : tensor<1x?xf32>, vector<64xf32>
      %res1, %res2 = vector.deinterleave %19 : vector<64xf32> -> vector<32xf32>
      scf.yield %res1, %res2 : vector<32xf32>, vector<32xf32>
    }
    %8 = util.call @widen_x(%7#0) : (vector<32xf32>) -> vector<32xf32>
    %9 = util.call @widen_x(%7#1) : (vector<32xf32>) -> vector<32xf32>
    %10 = arith.mulf %8, %arg4 : vector<32xf32>
    %11 = arith.mulf %9, %arg4 : vector<32xf32>
    %12 = arith.mulf %8, %arg5 : vector<32xf32>
    %13 = arith.mulf %9, %arg5 : vector<32xf32>
    %14 = arith.subf %10, %13 : vector<32xf32>
    %15 = arith.addf %11, %12 : vector<32xf32>
    %16 = util.call @narrow(%14) : (vector<32xf32>) -> vector<32xf32>
    %17 = util.call @narrow(%15) : (vector<32xf32>) -> vector<32xf32>
    %18 = scf.if %false -> (tensor<1x?xf32>) {
      %19 = vector.transfer_write %16, %arg1[%c0, %3], %0 {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
      %20 = vector.transfer_write %17, %19[%c0, %4], %0 {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
      scf.yield %20 : tensor<1x?xf32>
    } else {
      %19 = vector.interleave %16, %17 : vector<32xf32> -> vector<64xf32>
      %20 = vector.transfer_write %19, %arg1[%c0, %6], %2 {in_bounds = [true]} : vector<64xf32>, tensor<1x?xf32>
      scf.yield %20 : tensor<1x?xf32>
    }
    util.return %18 : tensor<1x?xf32>
  }
  util.func private @rotary_embedding(%arg0: tensor<?xi64>, %arg1: tensor<?x48xf32>, %arg2: tensor<?x12xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg1, %c0 : tensor<?x48xf32>
    %dim_0 = tensor.dim %arg2, %c0 : tensor<?x12xf32>
    %0 = flow.dispatch.workgroups[%dim](%arg0, %arg1, %arg2, %dim, %dim_0) : (tensor<?xi64>{%dim}, tensor<?x48xf32>{%dim}, tensor<?x12xf32>{%dim_0}, index, index) -> tensor<?x48xf32>{%dim} =
        (%arg3: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi64>>, %arg4: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>, %arg5: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x12xf32>>, %arg6: index, %arg7: index, %arg8: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>) {
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      %c48 = arith.constant 48 : index
      %c12 = arith.constant 12 : index
      %c6 = arith.constant 6 : index
      %1 = arith.addi %c6, %c6 : index
      %cst = arith.constant 0.000000e+00 : f32
      %2 = flow.dispatch.tie_shape %arg3 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi64>>{%arg6}
      %3 = flow.dispatch.tie_shape %arg4 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>{%arg6}
      %4 = flow.dispatch.tie_shape %arg5 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x12xf32>>{%arg7}
      %5 = flow.dispatch.tie_shape %arg8 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg6}
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %6 = iree_tensor_ext.dispatch.tensor.load %3, offsets = [%workgroup_id_0, 0], sizes = [1, %c48], strides = [1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>{%arg6} -> tensor<1x?xf32>
      %7 = iree_tensor_ext.dispatch.tensor.load %2, offsets = [0], sizes = [%arg6], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi64>>{%arg6} -> tensor<?xi64>
      %8 = iree_tensor_ext.dispatch.tensor.load %4, offsets = [0, 0], sizes = [%arg7, %1], strides = [1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x12xf32>>{%arg7} -> tensor<?x?xf32>
      %extracted = tensor.extract %7[%workgroup_id_0] : tensor<?xi64>
      %c0_i64 = arith.constant 0 : i64
      %9 = arith.subi %arg7, %c1 : index
      %10 = arith.index_cast %9 : index to i64
      %11 = arith.maxsi %extracted, %c0_i64 : i64
      %12 = arith.minsi %11, %10 : i64
      %13 = arith.index_cast %12 : i64 to index
      %14 = arith.remui %c6, %c32 : index
      %15 = arith.subi %c6, %14 : index
      %16 = vector.create_mask %c32 : vector<32xi1>
      %17 = tensor.empty(%c48) : tensor<1x?xf32>
      %18 = scf.for %arg9 = %c0_1 to %15 step %c32 iter_args(%arg10 = %17) -> (tensor<1x?xf32>) {
        %26 = arith.addi %arg9, %c6 : index
        %27 = util.call @rotary_angle(%8, %13, %arg9, %16) : (tensor<?x?xf32>, index, index, vector<32xi1>) -> vector<32xf32>
        %28 = util.call @rotary_angle(%8, %13, %26, %16) : (tensor<?x?xf32>, index, index, vector<32xi1>) -> vector<32xf32>
        %29 = scf.for %arg11 = %c0_1 to %c48 step %c12 iter_args(%arg12 = %arg10) -> (tensor<1x?xf32>) {
          %30 = util.call @rotary_turn(%6, %arg12, %arg11, %arg9, %27, %28, %c32) : (tensor<1x?xf32>, tensor<1x?xf32>, index, index, vector<32xf32>, vector<32xf32>, index) -> tensor<1x?xf32>
          scf.yield %30 : tensor<1x?xf32>
        }
        scf.yield %29 : tensor<1x?xf32>
      }
      %19 = vector.create_mask %14 : vector<32xi1>
      %20 = scf.for %arg9 = %15 to %c6 step %c32 iter_args(%arg10 = %18) -> (tensor<1x?xf32>) {
        %26 = arith.addi %arg9, %c6 : index
        %27 = util.call @rotary_angle(%8, %13, %arg9, %19) : (tensor<?x?xf32>, index, index, vector<32xi1>) -> vector<32xf32>
        %28 = util.call @rotary_angle(%8, %13, %26, %19) : (tensor<?x?xf32>, index, index, vector<32xi1>) -> vector<32xf32>
        %29 = scf.for %arg11 = %c0_1 to %c48 step %c12 iter_args(%arg12 = %arg10) -> (tensor<1x?xf32>) {
          %30 = util.call @rotary_turn(%6, %arg12, %arg11, %arg9, %27, %28, %14) : (tensor<1x?xf32>, tensor<1x?xf32>, index, index, vector<32xf32>, vector<32xf32>, index) -> tensor<1x?xf32>
          scf.yield %30 : tensor<1x?xf32>
        }
        scf.yield %29 : tensor<1x?xf32>
      }
      %21 = arith.subi %c12, %1 : index
      %22 = arith.remui %21, %c32 : index
      %23 = arith.subi %c12, %22 : index
      %24 = vector.create_mask %22 : vector<32xi1>
      %25 = scf.for %arg9 = %c0_1 to %c48 step %c12 iter_args(%arg10 = %20) -> (tensor<1x?xf32>) {
        %26 = scf.for %arg11 = %1 to %23 step %c32 iter_args(%arg12 = %arg10) -> (tensor<1x?xf32>) {
          %28 = arith.addi %arg9, %arg11 : index
          %29 = vector.transfer_read %6[%c0_1, %28], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
          %30 = vector.transfer_write %29, %arg12[%c0_1, %28] {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
          scf.yield %30 : tensor<1x?xf32>
        }
        %27 = scf.for %arg11 = %23 to %c12 step %c32 iter_args(%arg12 = %26) -> (tensor<1x?xf32>) {
          %28 = arith.addi %arg9, %arg11 : index
          %29 = vector.transfer_read %6[%c0_1, %28], %cst, %24 {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
          %30 = vector.transfer_write %29, %arg12[%c0_1, %28], %24 {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
          scf.yield %30 : tensor<1x?xf32>
        }
        scf.yield %27 : tensor<1x?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %25, %5, offsets = [%workgroup_id_0, 0], sizes = [1, %c48], strides = [1, 1] : tensor<1x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg6}
      flow.return
    } count(%arg3: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      flow.return %arg3, %c1, %c1 : index, index, index
    }
    util.return %0 : tensor<?x48xf32>
  }
  util.func private @ir_runtime_join_reports_b7e4dc44(%arg0: tensor<4xi64>) -> tensor<1x4xi64> {
    %0 = tensor.empty() : tensor<1x4xi64>
    %1 = linalg.generic {indexing_maps = [#map2, #map3], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<4xi64>) outs(%0 : tensor<1x4xi64>) {
    ^bb0(%in: i64, %out: i64):
      %2 = linalg.index 0 : index
      linalg.yield %in : i64
    } -> tensor<1x4xi64>
    util.return %1 : tensor<1x4xi64>
  }
}

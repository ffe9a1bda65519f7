module {
  func.func public @main(%arg0: tensor<?x96xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @silu_and_mul(%arg0) : (tensor<?x96xf32>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
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
  util.func private @narrow(%arg0: vector<32xf32>) -> vector<32xf32> {
    %0 = util.call @narrow_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
    util.return %0 : vector<32xf32>
  }
  util.func private @silu_and_mul_curve(%arg0: vector<32xf32>, %arg1: vector<32xf32>) -> vector<32xf32> {
    %cst = arith.constant dense<-1.44269502> : vector<32xf32>
    %cst_0 = arith.constant dense<-0.693359375> : vector<32xf32>
    %cst_1 = arith.constant dense<2.12194442E-4> : vector<32xf32>
    %cst_2 = arith.constant dense<1.000000e+00> : vector<32xf32>
    %cst_3 = arith.constant dense<0.49999994> : vector<32xf32>
    %cst_4 = arith.constant dense<0.166665211> : vector<32xf32>
    %cst_5 = arith.constant dense<0.0416682586> : vector<32xf32>
    %cst_6 = arith.constant dense<0.00836866721> : vector<32xf32>
    %cst_7 = arith.constant dense<0.00138212228> : vector<32xf32>
    %cst_8 = arith.constant dense<-8.900000e+01> : vector<32xf32>
    %cst_9 = arith.constant dense<8.800000e+01> : vector<32xf32>
    %cst_10 = arith.constant dense<0x4B40007F> : vector<32xf32>
    %cst_11 = arith.constant dense<23> : vector<32xi32>
    %0 = util.call @widen_x(%arg0) : (vector<32xf32>) -> vector<32xf32>
    %1 = util.call @widen_x(%arg1) : (vector<32xf32>) -> vector<32xf32>
    %2 = arith.cmpf ogt, %0, %cst_8 : vector<32xf32>
    %3 = arith.select %2, %0, %cst_8 : vector<32xi1>, vector<32xf32>
    %4 = arith.cmpf olt, %3, %cst_9 : vector<32xf32>
    %5 = arith.select %4, %3, %cst_9 : vector<32xi1>, vector<32xf32>
    %6 = arith.mulf %5, %cst : vector<32xf32>
    %7 = arith.addf %6, %cst_10 : vector<32xf32>
    %8 = arith.subf %7, %cst_10 : vector<32xf32>
    %9 = arith.negf %5 : vector<32xf32>
    %10 = math.fma %8, %cst_0, %9 : vector<32xf32>
    %11 = math.fma %8, %cst_1, %10 : vector<32xf32>
    %12 = math.fma %cst_7, %11, %cst_6 : vector<32xf32>
    %13 = math.fma %12, %11, %cst_5 : vector<32xf32>
    %14 = math.fma %13, %11, %cst_4 : vector<32xf32>
    %15 = math.fma %14, %11, %cst_3 : vector<32xf32>
    %16 = math.fma %15, %11, %cst_2 : vector<32xf32>
    %17 = math.fma %16, %11, %cst_2 : vector<32xf32>
    %18 = arith.bitcast %7 : vector<32xf32> to vector<32xi32>
    %19 = arith.shli %18, %cst_11 : vector<32xi32>
    %20 = arith.bitcast %19 : vector<32xi32> to vector<32xf32>
    %21 = math.fma %17, %20, %cst_2 : vector<32xf32>
    %22 = arith.divf %0, %21 : vector<32xf32>
    %23 = arith.mulf %22, %1 : vector<32xf32>
    %24 = util.call @narrow(%23) : (vector<32xf32>) -> vector<32xf32>
    util.return %24 : vector<32xf32>
  }
  util.func private @silu_and_mul(%arg0: tensor<?x96xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %c48 = arith.constant 48 : index
    %c64 = arith.constant 64 : index
    %0 = arith.ceildivui %c48, %c64 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x96xf32>
    %1 = flow.dispatch.workgroups[%0, %dim](%arg0, %dim) : (tensor<?x96xf32>{%dim}, index) -> tensor<?x48xf32>{%dim} =
        (%arg1: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x96xf32>>, %arg2: index, %arg3: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>) {
      %c0_0 = arith.constant 0 : index
      %c32 = arith.constant 32 : index
      %c48_1 = arith.constant 48 : index
      %c64_2 = arith.constant 64 : index
      %cst = arith.constant 0.000000e+00 : f32
      %2 = flow.dispatch.tie_shape %arg1 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x96xf32>>{%arg2}
      %3 = flow.dispatch.tie_shape %arg3 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg2}
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %workgroup_id_1 = flow.dispatch.workgroup.id[1] : index
      %4 = arith.muli %workgroup_id_0, %c64_2 : index
      %5 = arith.addi %4, %c48_1 : index
      %6 = arith.subi %c48_1, %4 : index
      %7 = arith.minui %6, %c64_2 : index
      %8 = arith.remui %7, %c32 : index
      %9 = arith.subi %7, %8 : index
      %10 = iree_tensor_ext.dispatch.tensor.load %2, offsets = [%workgroup_id_1, %4], sizes = [1, %7], strides = [1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x96xf32>>{%arg2} -> tensor<1x?xf32>
      %11 = iree_tensor_ext.dispatch.tensor.load %2, offsets = [%workgroup_id_1, %5], sizes = [1, %7], strides = [1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x96xf32>>{%arg2} -> tensor<1x?xf32>
      %12 = tensor.empty(%7) : tensor<1x?xf32>
      %13 = scf.for %arg4 = %c0_0 to %9 step %c32 iter_args(%arg5 = %12) -> (tensor<1x?xf32>) {
        %15 = vector.transfer_read %10[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
        %16 = vector.transfer_read %11[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
        %17 = util.call @silu_and_mul_curve(%15, %16) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
        %18 = vector.transfer_write %17, %arg5[%c0_0, %arg4] {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
        scf.yield %18 : tensor<1x?xf32>
      }
      %14 = scf.for %arg4 = %9 to %7 step %c32 iter_args(%arg5 = %13) -> (tensor<1x?xf32>) {
        %15 = vector.transfer_read %10[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
        %16 = vector.transfer_read %11[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
        %17 = util.call @silu_and_mul_curve(%15, %16) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
        %18 = vector.transfer_write %17, %arg5[%c0_0, %arg4] : vector<32xf32>, tensor<1x?xf32>
        scf.yield %18 : tensor<1x?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %14, %3, offsets = [%workgroup_id_1, %4], sizes = [1, %7], strides = [1, 1] : tensor<1x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg2}
      flow.return
    } count(%arg1: index, %arg2: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      flow.return %arg1, %arg2, %c1 : index, index, index
    }
    util.return %1 : tensor<?x48xf32>
  }
}

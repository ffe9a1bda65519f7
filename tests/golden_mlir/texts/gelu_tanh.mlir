module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?xf32> {
    %collapsed = tensor.collapse_shape %arg0 [[0, 1]] : tensor<?x?xf32> into tensor<?xf32>
    %0 = util.call @gelu(%collapsed) : (tensor<?xf32>) -> tensor<?xf32>
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %c1 = arith.constant 1 : index
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?xf32>
    %expanded = tensor.expand_shape %0 [[0, 1]] output_shape [%dim, %dim_0] : tensor<?xf32> into tensor<?x?xf32>
    return %expanded : tensor<?x?xf32>
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
  util.func private @curve(%arg0: vector<32xf32>) -> vector<32xf32> {
    %cst = arith.constant dense<-2.30220819> : vector<32xf32>
    %cst_0 = arith.constant dense<-0.102943242> : vector<32xf32>
    %cst_1 = arith.constant dense<1.000000e+00> : vector<32xf32>
    %cst_2 = arith.constant dense<0.693147182> : vector<32xf32>
    %cst_3 = arith.constant dense<0.240226477> : vector<32xf32>
    %cst_4 = arith.constant dense<5.550360e-02> : vector<32xf32>
    %cst_5 = arith.constant dense<0.00961850583> : vector<32xf32>
    %cst_6 = arith.constant dense<0.00133908121> : vector<32xf32>
    %cst_7 = arith.constant dense<1.53264933E-4> : vector<32xf32>
    %cst_8 = arith.constant dense<-1.270000e+02> : vector<32xf32>
    %cst_9 = arith.constant dense<1.280000e+02> : vector<32xf32>
    %cst_10 = arith.constant dense<0x4B40007F> : vector<32xf32>
    %cst_11 = arith.constant dense<23> : vector<32xi32>
    %0 = arith.mulf %arg0, %arg0 : vector<32xf32>
    %1 = math.fma %0, %cst_0, %cst : vector<32xf32>
    %2 = arith.mulf %arg0, %1 : vector<32xf32>
    %3 = arith.cmpf ogt, %2, %cst_8 : vector<32xf32>
    %4 = arith.select %3, %2, %cst_8 : vector<32xi1>, vector<32xf32>
    %5 = arith.cmpf olt, %4, %cst_9 : vector<32xf32>
    %6 = arith.select %5, %4, %cst_9 : vector<32xi1>, vector<32xf32>
    %7 = arith.addf %6, %cst_10 : vector<32xf32>
    %8 = arith.subf %7, %cst_10 : vector<32xf32>
    %9 = arith.subf %6, %8 : vector<32xf32>
    %10 = math.fma %cst_7, %9, %cst_6 : vector<32xf32>
    %11 = math.fma %10, %9, %cst_5 : vector<32xf32>
    %12 = math.fma %11, %9, %cst_4 : vector<32xf32>
    %13 = math.fma %12, %9, %cst_3 : vector<32xf32>
    %14 = math.fma %13, %9, %cst_2 : vector<32xf32>
    %15 = math.fma %14, %9, %cst_1 : vector<32xf32>
    %16 = arith.bitcast %7 : vector<32xf32> to vector<32xi32>
    %17 = arith.shli %16, %cst_11 : vector<32xi32>
    %18 = arith.bitcast %17 : vector<32xi32> to vector<32xf32>
    %19 = math.fma %15, %18, %cst_1 : vector<32xf32>
    %20 = arith.divf %arg0, %19 : vector<32xf32>
    util.return %20 : vector<32xf32>
  }
  util.func private @gelu(%arg0: tensor<?xf32>) -> tensor<?xf32> {
    %c0 = arith.constant 0 : index
    %c2048 = arith.constant 2048 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = arith.ceildivui %dim, %c2048 : index
    %1 = flow.dispatch.workgroups[%0](%arg0, %dim) : (tensor<?xf32>{%dim}, index) -> tensor<?xf32>{%dim} =
        (%arg1: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xf32>>, %arg2: index, %arg3: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xf32>>) {
      %c0_0 = arith.constant 0 : index
      %c32 = arith.constant 32 : index
      %c2048_1 = arith.constant 2048 : index
      %cst = arith.constant 0.000000e+00 : f32
      %2 = flow.dispatch.tie_shape %arg1 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xf32>>{%arg2}
      %3 = flow.dispatch.tie_shape %arg3 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xf32>>{%arg2}
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %4 = arith.muli %workgroup_id_0, %c2048_1 : index
      %5 = arith.subi %arg2, %4 : index
      %6 = arith.minui %5, %c2048_1 : index
      %7 = arith.remui %6, %c32 : index
      %8 = arith.subi %6, %7 : index
      %9 = iree_tensor_ext.dispatch.tensor.load %2, offsets = [%4], sizes = [%6], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xf32>>{%arg2} -> tensor<?xf32>
      %10 = tensor.empty(%6) : tensor<?xf32>
      %11 = scf.for %arg4 = %c0_0 to %8 step %c32 iter_args(%arg5 = %10) -> (tensor<?xf32>) {
        %13 = vector.transfer_read %9[%arg4], %cst {in_bounds = [true]} : tensor<?xf32>, vector<32xf32>
        %14 = util.call @widen_x(%13) : (vector<32xf32>) -> vector<32xf32>
        %15 = util.call @curve(%14) : (vector<32xf32>) -> vector<32xf32>
        %16 = util.call @narrow(%15) : (vector<32xf32>) -> vector<32xf32>
        %17 = vector.transfer_write %16, %arg5[%arg4] {in_bounds = [true]} : vector<32xf32>, tensor<?xf32>
        scf.yield %17 : tensor<?xf32>
      }
      %12 = scf.for %arg4 = %8 to %6 step %c32 iter_args(%arg5 = %11) -> (tensor<?xf32>) {
        %13 = vector.transfer_read %9[%arg4], %cst : tensor<?xf32>, vector<32xf32>
        %14 = util.call @widen_x(%13) : (vector<32xf32>) -> vector<32xf32>
        %15 = util.call @curve(%14) : (vector<32xf32>) -> vector<32xf32>
        %16 = util.call @narrow(%15) : (vector<32xf32>) -> vector<32xf32>
        %17 = vector.transfer_write %16, %arg5[%arg4] : vector<32xf32>, tensor<?xf32>
        scf.yield %17 : tensor<?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %12, %3, offsets = [%4], sizes = [%6], strides = [1] : tensor<?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xf32>>{%arg2}
      flow.return
    } count(%arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      flow.return %arg1, %c1, %c1 : index, index, index
    }
    util.return %1 : tensor<?xf32>
  }
}

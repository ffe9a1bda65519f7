module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @softmax(%arg0) : (tensor<?x48xf32>) -> tensor<?x48xf32>
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
  util.func private @softmax_exp(%arg0: vector<32xf32>, %arg1: vector<32xf32>) -> vector<32xf32> {
    %true = arith.constant true
    %cst = arith.constant dense<1.44269502> : vector<32xf32>
    %cst_0 = arith.constant dense<-0.693359375> : vector<32xf32>
    %cst_1 = arith.constant dense<2.12194442E-4> : vector<32xf32>
    %cst_2 = arith.constant dense<-0.693147182> : vector<32xf32>
    %cst_3 = arith.constant dense<1.000000e+00> : vector<32xf32>
    %cst_4 = arith.constant dense<0.49999994> : vector<32xf32>
    %cst_5 = arith.constant dense<0.166665211> : vector<32xf32>
    %cst_6 = arith.constant dense<0.0416682586> : vector<32xf32>
    %cst_7 = arith.constant dense<0.00836866721> : vector<32xf32>
    %cst_8 = arith.constant dense<0.00138212228> : vector<32xf32>
    %cst_9 = arith.constant dense<0.500051796> : vector<32xf32>
    %cst_10 = arith.constant dense<0.167540357> : vector<32xf32>
    %cst_11 = arith.constant dense<0.0412754677> : vector<32xf32>
    %cst_12 = arith.constant dense<-8.800000e+01> : vector<32xf32>
    %cst_13 = arith.constant dense<0x4B40007F> : vector<32xf32>
    %cst_14 = arith.constant dense<23> : vector<32xi32>
    %0 = arith.subf %arg0, %arg1 : vector<32xf32>
    %1 = arith.cmpf olt, %0, %cst_12 : vector<32xf32>
    %2 = arith.select %1, %cst_12, %0 : vector<32xi1>, vector<32xf32>
    %3 = arith.mulf %2, %cst : vector<32xf32>
    %4 = arith.addf %3, %cst_13 : vector<32xf32>
    %5 = arith.subf %4, %cst_13 : vector<32xf32>
    %6 = math.fma %5, %cst_0, %2 : vector<32xf32>
    %7 = math.fma %5, %cst_1, %6 : vector<32xf32>
    %8 = math.fma %5, %cst_2, %2 : vector<32xf32>
    %9 = arith.select %true, %7, %8 : vector<32xf32>
    %10 = math.fma %cst_8, %9, %cst_7 : vector<32xf32>
    %11 = math.fma %10, %9, %cst_6 : vector<32xf32>
    %12 = math.fma %11, %9, %cst_5 : vector<32xf32>
    %13 = math.fma %12, %9, %cst_4 : vector<32xf32>
    %14 = math.fma %cst_11, %9, %cst_10 : vector<32xf32>
    %15 = math.fma %14, %9, %cst_9 : vector<32xf32>
    %16 = arith.select %true, %13, %15 : vector<32xf32>
    %17 = math.fma %16, %9, %cst_3 : vector<32xf32>
    %18 = math.fma %17, %9, %cst_3 : vector<32xf32>
    %19 = arith.bitcast %4 : vector<32xf32> to vector<32xi32>
    %20 = arith.shli %19, %cst_14 : vector<32xi32>
    %21 = arith.bitcast %20 : vector<32xi32> to vector<32xf32>
    %22 = arith.mulf %18, %21 : vector<32xf32>
    util.return %22 : vector<32xf32>
  }
  util.func private @softmax(%arg0: tensor<?x48xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = flow.dispatch.workgroups[%dim](%arg0, %dim) : (tensor<?x48xf32>{%dim}, index) -> tensor<?x48xf32>{%dim} =
        (%arg1: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>, %arg2: index, %arg3: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>) {
      %c0_0 = arith.constant 0 : index
      %c32 = arith.constant 32 : index
      %c256 = arith.constant 256 : index
      %c48 = arith.constant 48 : index
      %true = arith.constant true
      %cst = arith.constant 0xFF800000 : f32
      %cst_1 = arith.constant dense<0.000000e+00> : vector<32xf32>
      %cst_2 = arith.constant dense<0xFF800000> : vector<32xf32>
      %1 = flow.dispatch.tie_shape %arg1 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>{%arg2}
      %2 = flow.dispatch.tie_shape %arg3 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg2}
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %3 = iree_tensor_ext.dispatch.tensor.load %1, offsets = [%workgroup_id_0, 0], sizes = [1, %c48], strides = [1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x48xf32>>{%arg2} -> tensor<1x?xf32>
      %4 = arith.remui %c48, %c32 : index
      %5 = arith.subi %c48, %4 : index
      %6 = arith.remui %c48, %c256 : index
      %7 = arith.subi %c48, %6 : index
      %8 = scf.for %arg4 = %c0_0 to %5 step %c32 iter_args(%arg5 = %cst_2) -> (vector<32xf32>) {
        %23 = vector.transfer_read %3[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
        %24 = util.call @widen_x(%23) : (vector<32xf32>) -> vector<32xf32>
        %25 = arith.cmpf ogt, %24, %arg5 : vector<32xf32>
        %26 = arith.select %25, %24, %arg5 : vector<32xi1>, vector<32xf32>
        scf.yield %26 : vector<32xf32>
      }
      %9 = scf.for %arg4 = %5 to %c48 step %c32 iter_args(%arg5 = %8) -> (vector<32xf32>) {
        %23 = vector.transfer_read %3[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
        %24 = util.call @widen_x(%23) : (vector<32xf32>) -> vector<32xf32>
        %25 = arith.cmpf ogt, %24, %arg5 : vector<32xf32>
        %26 = arith.select %25, %24, %arg5 : vector<32xi1>, vector<32xf32>
        scf.yield %26 : vector<32xf32>
      }
      %10 = vector.reduction <maxnumf>, %9 : vector<32xf32> into f32
      %11 = vector.broadcast %10 : f32 to vector<32xf32>
      %12 = tensor.empty(%c48) : tensor<1x?xf32>
      %13:2 = scf.for %arg4 = %c0_0 to %7 step %c256 iter_args(%arg5 = %cst_1, %arg6 = %12) -> (vector<32xf32>, tensor<1x?xf32>) {
        %23 = arith.addi %arg4, %c256 : index
        %24:2 = scf.for %arg7 = %arg4 to %23 step %c32 iter_args(%arg8 = %cst_1, %arg9 = %arg6) -> (vector<32xf32>, tensor<1x?xf32>) {
          %26 = vector.transfer_read %3[%c0_0, %arg7], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
          %27 = util.call @widen_x(%26) : (vector<32xf32>) -> vector<32xf32>
          %28 = util.call @softmax_exp(%27, %11) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
          %29 = arith.addf %arg8, %28 : vector<32xf32>
          %30 = scf.if %true -> (tensor<1x?xf32>) {
            %31 = util.call @narrow(%28) : (vector<32xf32>) -> vector<32xf32>
            %32 = vector.transfer_write %31, %arg9[%c0_0, %arg7] {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
            scf.yield %32 : tensor<1x?xf32>
          } else {
            scf.yield %arg9 : tensor<1x?xf32>
          }
          scf.yield %29, %30 : vector<32xf32>, tensor<1x?xf32>
        }
        %25 = arith.addf %arg5, %24#0 : vector<32xf32>
        scf.yield %25, %24#1 : vector<32xf32>, tensor<1x?xf32>
      }
      %14:2 = scf.for %arg4 = %7 to %5 step %c32 iter_args(%arg5 = %13#0, %arg6 = %13#1) -> (vector<32xf32>, tensor<1x?xf32>) {
        %23 = vector.transfer_read %3[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
        %24 = util.call @widen_x(%23) : (vector<32xf32>) -> vector<32xf32>
        %25 = util.call @softmax_exp(%24, %11) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
        %26 = arith.addf %arg5, %25 : vector<32xf32>
        %27 = scf.if %true -> (tensor<1x?xf32>) {
          %28 = util.call @narrow(%25) : (vector<32xf32>) -> vector<32xf32>
          %29 = vector.transfer_write %28, %arg6[%c0_0, %arg4] {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
          scf.yield %29 : tensor<1x?xf32>
        } else {
          scf.yield %arg6 : tensor<1x?xf32>
        }
        scf.yield %26, %27 : vector<32xf32>, tensor<1x?xf32>
      }
      %15:2 = scf.for %arg4 = %5 to %c48 step %c32 iter_args(%arg5 = %14#0, %arg6 = %14#1) -> (vector<32xf32>, tensor<1x?xf32>) {
        %23 = vector.transfer_read %3[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
        %24 = util.call @widen_x(%23) : (vector<32xf32>) -> vector<32xf32>
        %25 = util.call @softmax_exp(%24, %11) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
        %26 = arith.addf %arg5, %25 : vector<32xf32>
        %27 = scf.if %true -> (tensor<1x?xf32>) {
          %28 = util.call @narrow(%25) : (vector<32xf32>) -> vector<32xf32>
          %29 = vector.transfer_write %28, %arg6[%c0_0, %arg4] : vector<32xf32>, tensor<1x?xf32>
          scf.yield %29 : tensor<1x?xf32>
        } else {
          scf.yield %arg6 : tensor<1x?xf32>
        }
        scf.yield %26, %27 : vector<32xf32>, tensor<1x?xf32>
      }
      %16 = arith.extf %15#0 : vector<32xf32> to vector<32xf64>
      %17 = vector.reduction <add>, %16 fastmath<reassoc> : vector<32xf64> into f64
      %cst_3 = arith.constant 1.000000e+00 : f64
      %18 = arith.divf %cst_3, %17 : f64
      %19 = arith.truncf %18 : f64 to f32
      %20 = vector.broadcast %19 : f32 to vector<32xf32>
      %21 = scf.for %arg4 = %c0_0 to %5 step %c32 iter_args(%arg5 = %15#1) -> (tensor<1x?xf32>) {
        %23 = scf.if %true -> (vector<32xf32>) {
          %27 = vector.transfer_read %arg5[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
          %28 = util.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          scf.yield %28 : vector<32xf32>
        } else {
          %27 = vector.transfer_read %3[%c0_0, %arg4], %cst {in_bounds = [true]} : tensor<1x?xf32>, vector<32xf32>
          %28 = util.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = util.call @softmax_exp(%28, %11) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
          scf.yield %29 : vector<32xf32>
        }
        %24 = arith.mulf %23, %20 : vector<32xf32>
        %25 = util.call @narrow(%24) : (vector<32xf32>) -> vector<32xf32>
        %26 = vector.transfer_write %25, %arg5[%c0_0, %arg4] {in_bounds = [true]} : vector<32xf32>, tensor<1x?xf32>
        scf.yield %26 : tensor<1x?xf32>
      }
      %22 = scf.for %arg4 = %5 to %c48 step %c32 iter_args(%arg5 = %21) -> (tensor<1x?xf32>) {
        %23 = scf.if %true -> (vector<32xf32>) {
          %27 = vector.transfer_read %arg5[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
          %28 = util.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          scf.yield %28 : vector<32xf32>
        } else {
          %27 = vector.transfer_read %3[%c0_0, %arg4], %cst : tensor<1x?xf32>, vector<32xf32>
          %28 = util.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = util.call @softmax_exp(%28, %11) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
          scf.yield %29 : vector<32xf32>
        }
        %24 = arith.mulf %23, %20 : vector<32xf32>
        %25 = util.call @narrow(%24) : (vector<32xf32>) -> vector<32xf32>
        %26 = vector.transfer_write %25, %arg5[%c0_0, %arg4] : vector<32xf32>, tensor<1x?xf32>
        scf.yield %26 : tensor<1x?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %22, %2, offsets = [%workgroup_id_0, 0], sizes = [1, %c48], strides = [1, 1] : tensor<1x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x48xf32>>{%arg2}
      flow.return
    } count(%arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      flow.return %arg1, %c1, %c1 : index, index, index
    }
    util.return %0 : tensor<?x48xf32>
  }
}

#pipeline_layout = #hal.pipeline.layout<bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @rms_norm_weightless(%arg0) : (tensor<?x48xf32>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @rms_norm_rows {
    hal.executable.export public @rms_norm ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      hal.return %arg1, %c1, %c1 : index, index, index
    }
    builtin.module {
      func.func private @widen_f32(%arg0: vector<32xf32>) -> vector<32xf32> {
        return %arg0 : vector<32xf32>
      }
      func.func private @widen_f16(%arg0: vector<32xf16>) -> vector<32xf32> {
        %0 = arith.extf %arg0 : vector<32xf16> to vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_bf16(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %0 = arith.extf %arg0 : vector<32xbf16> to vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_f32_split(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = call @split(%arg0) : (vector<32xf32>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_f16_split(%arg0: vector<32xf16>) -> vector<32xf32> {
        %0 = arith.extf %arg0 : vector<32xf16> to vector<32xf32>
        %1 = call @split(%0) : (vector<32xf32>) -> vector<32xf32>
        return %1 : vector<32xf32>
      }
      func.func private @widen_bf16_split(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %cst = arith.constant dense<16> : vector<16xi32>
        %cst_0 = arith.constant dense<-65536> : vector<16xi32>
        %0 = vector.bitcast %arg0 : vector<32xbf16> to vector<16xi32>
        %1 = arith.shli %0, %cst : vector<16xi32>
        %2 = arith.andi %0, %cst_0 : vector<16xi32>
        %3 = vector.shuffle %1, %2 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
        %4 = arith.bitcast %3 : vector<32xi32> to vector<32xf32>
        return %4 : vector<32xf32>
      }
      func.func private @narrow_f32(%arg0: vector<32xf32>) -> vector<32xf32> {
        return %arg0 : vector<32xf32>
      }
      func.func private @narrow_f16(%arg0: vector<32xf32>) -> vector<32xf16> {
        %0 = arith.truncf %arg0 : vector<32xf32> to vector<32xf16>
        return %0 : vector<32xf16>
      }
      func.func private @narrow_bf16_split(%arg0: vector<32xf32>) -> vector<32xbf16> {
        %0 = arith.bitcast %arg0 : vector<32xf32> to vector<32xi32>
        %1 = call @round_to_bf16(%0) : (vector<32xi32>) -> vector<32xbf16>
        return %1 : vector<32xbf16>
      }
      func.func private @narrow_bf16_split_any_nan(%arg0: vector<32xf32>) -> vector<32xbf16> {
        %cst = arith.constant dense<0x7FC00000> : vector<32xf32>
        %0 = arith.cmpf uno, %arg0, %arg0 : vector<32xf32>
        %1 = arith.select %0, %cst, %arg0 : vector<32xi1>, vector<32xf32>
        %2 = arith.bitcast %1 : vector<32xf32> to vector<32xi32>
        %3 = call @round_to_bf16(%2) : (vector<32xi32>) -> vector<32xbf16>
        return %3 : vector<32xbf16>
      }
      func.func private @round_to_bf16(%arg0: vector<32xi32>) -> vector<32xbf16> {
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
        return %9 : vector<32xbf16>
      }
      func.func private @split(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = vector.shuffle %arg0, %arg0 [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31] : vector<32xf32>, vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_x(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = call @widen_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_weight(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = call @widen_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @narrow(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = call @narrow_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @rms_norm_scaled(%arg0: vector<32xf32>, %arg1: vector<32xf32>, %arg2: vector<32xf32>) -> vector<32xf32> {
        %false = arith.constant false
        %0 = call @widen_weight(%arg2) : (vector<32xf32>) -> vector<32xf32>
        %1 = arith.mulf %arg0, %arg1 : vector<32xf32>
        %2 = arith.mulf %1, %0 : vector<32xf32>
        %3 = arith.select %false, %2, %1 : vector<32xf32>
        %4 = call @narrow(%3) : (vector<32xf32>) -> vector<32xf32>
        return %4 : vector<32xf32>
      }
      func.func @rms_norm() {
        %c0 = arith.constant 0 : index
        %c32 = arith.constant 32 : index
        %c256 = arith.constant 256 : index
        %c48 = arith.constant 48 : index
        %c48_0 = arith.constant 48 : index
        %cst = arith.constant 0.000000e+00 : f32
        %cst_1 = arith.constant 0.000000e+00 : f32
        %cst_2 = arith.constant dense<0.000000e+00> : vector<32xf32>
        %cst_3 = arith.constant dense<0.000000e+00> : vector<32xf64>
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %workgroup_count_x = hal.interface.workgroup.count[0] : index
        %0 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x?xf32>{%workgroup_count_x, %c48}
        %1 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?xf32>{%c48}
        %2 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?x?xf32>{%workgroup_count_x, %c48}
        %3 = arith.remui %c48_0, %c32 : index
        %4 = arith.subi %c48_0, %3 : index
        %5 = arith.remui %c48_0, %c256 : index
        %6 = arith.subi %c48_0, %5 : index
        %7 = scf.for %arg0 = %c0 to %6 step %c256 iter_args(%arg1 = %cst_2) -> (vector<32xf32>) {
          %27 = arith.addi %arg0, %c256 : index
          %28 = scf.for %arg2 = %arg0 to %27 step %c32 iter_args(%arg3 = %cst_2) -> (vector<32xf32>) {
            %30 = vector.transfer_read %0[%workgroup_id_x, %arg2], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
            %31 = func.call @widen_x(%30) : (vector<32xf32>) -> vector<32xf32>
            %32 = math.fma %31, %31, %arg3 : vector<32xf32>
            scf.yield %32 : vector<32xf32>
          }
          %29 = arith.addf %arg1, %28 : vector<32xf32>
          scf.yield %29 : vector<32xf32>
        }
        %8 = scf.for %arg0 = %6 to %4 step %c32 iter_args(%arg1 = %7) -> (vector<32xf32>) {
          %27 = vector.transfer_read %0[%workgroup_id_x, %arg0], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
          %28 = func.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = math.fma %28, %28, %arg1 : vector<32xf32>
          scf.yield %29 : vector<32xf32>
        }
        %subview = memref.subview %0[0, 0] [%workgroup_count_x, %c48_0] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1]>>
        %9 = scf.for %arg0 = %4 to %c48_0 step %c32 iter_args(%arg1 = %8) -> (vector<32xf32>) {
          %27 = vector.transfer_read %subview[%workgroup_id_x, %arg0], %cst : memref<?x?xf32, strided<[?, 1]>>, vector<32xf32>
          %28 = func.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = math.fma %28, %28, %arg1 : vector<32xf32>
          scf.yield %29 : vector<32xf32>
        }
        %10 = arith.extf %9 : vector<32xf32> to vector<32xf64>
        %11 = vector.reduction <add>, %10 fastmath<reassoc> : vector<32xf64> into f64
        %12 = arith.index_cast %c48_0 : index to i64
        %13 = arith.sitofp %12 : i64 to f64
        %cst_4 = arith.constant 9.99999974E-6 : f32
        %14 = arith.extf %cst_4 : f32 to f64
        %15 = arith.divf %11, %13 : f64
        %16 = arith.addf %15, %14 : f64
        %cst_5 = arith.constant 1.000000e-28 : f64
        %cst_6 = arith.constant 9.9999999999999995E+27 : f64
        %17 = arith.cmpf ogt, %16, %cst_5 : f64
        %18 = arith.cmpf olt, %16, %cst_6 : f64
        %19 = arith.andi %17, %18 : i1
        %20 = scf.if %19 -> (f64) {
          scf.yield %16 : f64
        } else {
          %27 = scf.for %arg0 = %c0 to %c48_0 step %c32 iter_args(%arg1 = %cst_3) -> (vector<32xf64>) {
            %31 = vector.transfer_read %subview[%workgroup_id_x, %arg0], %cst : memref<?x?xf32, strided<[?, 1]>>, vector<32xf32>
            %32 = func.call @widen_x(%31) : (vector<32xf32>) -> vector<32xf32>
            %33 = arith.extf %32 : vector<32xf32> to vector<32xf64>
            %34 = math.fma %33, %33, %arg1 : vector<32xf64>
            scf.yield %34 : vector<32xf64>
          }
          %28 = vector.reduction <add>, %27 fastmath<reassoc> : vector<32xf64> into f64
          %29 = arith.divf %28, %13 : f64
          %30 = arith.addf %29, %14 : f64
          scf.yield %30 : f64
        }
        %cst_7 = arith.constant 1.000000e+00 : f64
        %21 = math.sqrt %20 : f64
        %22 = arith.divf %cst_7, %21 : f64
        %23 = arith.truncf %22 : f64 to f32
        %24 = vector.broadcast %23 : f32 to vector<32xf32>
        %25 = arith.remui %c48, %c32 : index
        %26 = arith.subi %c48, %25 : index
        scf.for %arg0 = %c0 to %26 step %c32 {
          %27 = vector.transfer_read %0[%workgroup_id_x, %arg0], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
          %28 = func.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = vector.transfer_read %1[%arg0], %cst_1 {in_bounds = [true]} : memref<?xf32>, vector<32xf32>
          %30 = func.call @rms_norm_scaled(%28, %24, %29) : (vector<32xf32>, vector<32xf32>, vector<32xf32>) -> vector<32xf32>
          vector.store %30, %2[%workgroup_id_x, %arg0] alignment = 1 : memref<?x?xf32>, vector<32xf32>
        }
        scf.for %arg0 = %26 to %c48 step %c32 {
          %27 = vector.transfer_read %0[%workgroup_id_x, %arg0], %cst : memref<?x?xf32>, vector<32xf32>
          %28 = func.call @widen_x(%27) : (vector<32xf32>) -> vector<32xf32>
          %29 = vector.transfer_read %1[%arg0], %cst_1 : memref<?xf32>, vector<32xf32>
          %30 = func.call @rms_norm_scaled(%28, %24, %29) : (vector<32xf32>, vector<32xf32>, vector<32xf32>) -> vector<32xf32>
          vector.transfer_write %30, %2[%workgroup_id_x, %arg0] : vector<32xf32>, memref<?x?xf32>
        }
        llvm.fence seq_cst
        return
      }
    }
  }
  util.func private @rms_norm(%arg0: tensor<?x48xf32>, %arg1: tensor<48xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = flow.dispatch @rms_norm_rows::@rms_norm[%dim](%arg0, %arg1) : (tensor<?x48xf32>{%dim}, tensor<48xf32>) -> tensor<?x48xf32>{%dim}
    util.return %0 : tensor<?x48xf32>
  }
  util.func private @rms_norm_weightless(%arg0: tensor<?x48xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = flow.dispatch @rms_norm_rows::@rms_norm[%dim](%arg0, %arg0) : (tensor<?x48xf32>{%dim}, tensor<?x48xf32>{%dim}) -> tensor<?x48xf32>{%dim}
    util.return %0 : tensor<?x48xf32>
  }
}

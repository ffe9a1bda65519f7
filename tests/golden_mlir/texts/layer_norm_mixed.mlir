#pipeline_layout = #hal.pipeline.layout<bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: tensor<48xbf16>, %arg2: tensor<48xbf16>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @layer_norm(%arg0, %arg1, %arg2) : (tensor<?x48xf32>, tensor<48xbf16>, tensor<48xbf16>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @layer_norm_rows {
    hal.executable.export public @layer_norm ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
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
      func.func private @widen_weight(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %0 = call @widen_bf16(%arg0) : (vector<32xbf16>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @widen_bias(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %0 = call @widen_bf16(%arg0) : (vector<32xbf16>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @narrow(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = call @narrow_f32(%arg0) : (vector<32xf32>) -> vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func private @layer_norm_affine(%arg0: vector<32xf32>, %arg1: vector<32xf32>, %arg2: vector<32xf32>, %arg3: vector<32xf32>, %arg4: vector<32xbf16>, %arg5: vector<32xbf16>) -> vector<32xf32> {
        %0 = call @widen_x(%arg0) : (vector<32xf32>) -> vector<32xf32>
        %1 = call @widen_weight(%arg4) : (vector<32xbf16>) -> vector<32xf32>
        %2 = call @widen_bias(%arg5) : (vector<32xbf16>) -> vector<32xf32>
        %3 = arith.subf %0, %arg1 : vector<32xf32>
        %4 = arith.subf %3, %arg2 : vector<32xf32>
        %5 = arith.mulf %4, %arg3 : vector<32xf32>
        %6 = math.fma %5, %1, %2 : vector<32xf32>
        %7 = call @narrow(%6) : (vector<32xf32>) -> vector<32xf32>
        return %7 : vector<32xf32>
      }
      func.func @layer_norm() {
        %c0 = arith.constant 0 : index
        %c32 = arith.constant 32 : index
        %c256 = arith.constant 256 : index
        %c48 = arith.constant 48 : index
        %cst = arith.constant 0.000000e+00 : f32
        %cst_0 = arith.constant 0.000000e+00 : bf16
        %cst_1 = arith.constant 0.000000e+00 : bf16
        %cst_2 = arith.constant 0.000000e+00 : f64
        %cst_3 = arith.constant dense<0.000000e+00> : vector<32xf32>
        %cst_4 = arith.constant dense<0.000000e+00> : vector<32xf64>
        %0 = arith.index_cast %c48 : index to i64
        %1 = arith.sitofp %0 : i64 to f64
        %2 = arith.remui %c48, %c32 : index
        %3 = arith.subi %c48, %2 : index
        %4 = arith.remui %c48, %c256 : index
        %5 = arith.subi %c48, %4 : index
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %workgroup_count_x = hal.interface.workgroup.count[0] : index
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x?xf32>{%workgroup_count_x, %c48}
        %7 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?xbf16>{%c48}
        %8 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?xbf16>{%c48}
        %9 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x?xf32>{%workgroup_count_x, %c48}
        %cst_5 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_6 = arith.constant dense<0.000000e+00> : vector<32xf32>
        %10 = vector.create_mask %2 : vector<32xi1>
        %11 = arith.select %10, %cst_5, %cst_6 : vector<32xi1>, vector<32xf32>
        %12 = call @widen_x(%11) : (vector<32xf32>) -> vector<32xf32>
        %13 = vector.transfer_read %6[%workgroup_id_x, %c0], %cst : memref<?x?xf32>, vector<32xf32>
        %14 = call @widen_x(%13) : (vector<32xf32>) -> vector<32xf32>
        %15 = arith.extf %14 : vector<32xf32> to vector<32xf64>
        %16 = vector.reduction <add>, %15 fastmath<reassoc> : vector<32xf64> into f64
        %17 = arith.minui %c48, %c32 : index
        %18 = arith.index_cast %17 : index to i64
        %19 = arith.sitofp %18 : i64 to f64
        %20 = arith.divf %16, %19 : f64
        %21 = arith.truncf %20 : f64 to f32
        %22 = vector.broadcast %21 : f32 to vector<32xf32>
        %23:2 = scf.for %arg0 = %c0 to %5 step %c256 iter_args(%arg1 = %cst_3, %arg2 = %cst_3) -> (vector<32xf32>, vector<32xf32>) {
          %51 = arith.addi %arg0, %c256 : index
          %52:2 = scf.for %arg3 = %arg0 to %51 step %c32 iter_args(%arg4 = %cst_3, %arg5 = %cst_3) -> (vector<32xf32>, vector<32xf32>) {
            %55 = vector.transfer_read %6[%workgroup_id_x, %arg3], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
            %56 = func.call @widen_x(%55) : (vector<32xf32>) -> vector<32xf32>
            %57 = arith.subf %56, %22 : vector<32xf32>
            %58 = arith.addf %arg4, %57 : vector<32xf32>
            %59 = math.fma %57, %57, %arg5 : vector<32xf32>
            scf.yield %58, %59 : vector<32xf32>, vector<32xf32>
          }
          %53 = arith.addf %arg1, %52#0 : vector<32xf32>
          %54 = arith.addf %arg2, %52#1 : vector<32xf32>
          scf.yield %53, %54 : vector<32xf32>, vector<32xf32>
        }
        %24:2 = scf.for %arg0 = %5 to %3 step %c32 iter_args(%arg1 = %23#0, %arg2 = %23#1) -> (vector<32xf32>, vector<32xf32>) {
          %51 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
          %52 = func.call @widen_x(%51) : (vector<32xf32>) -> vector<32xf32>
          %53 = arith.subf %52, %22 : vector<32xf32>
          %54 = arith.addf %arg1, %53 : vector<32xf32>
          %55 = math.fma %53, %53, %arg2 : vector<32xf32>
          scf.yield %54, %55 : vector<32xf32>, vector<32xf32>
        }
        %25:2 = scf.for %arg0 = %3 to %c48 step %c32 iter_args(%arg1 = %24#0, %arg2 = %24#1) -> (vector<32xf32>, vector<32xf32>) {
          %51 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst : memref<?x?xf32>, vector<32xf32>
          %52 = func.call @widen_x(%51) : (vector<32xf32>) -> vector<32xf32>
          %53 = arith.subf %52, %22 : vector<32xf32>
          %54 = arith.mulf %53, %12 : vector<32xf32>
          %55 = arith.addf %arg1, %54 : vector<32xf32>
          %56 = math.fma %54, %54, %arg2 : vector<32xf32>
          scf.yield %55, %56 : vector<32xf32>, vector<32xf32>
        }
        %26 = arith.extf %25#0 : vector<32xf32> to vector<32xf64>
        %27 = arith.extf %25#1 : vector<32xf32> to vector<32xf64>
        %28 = vector.reduction <add>, %26 fastmath<reassoc> : vector<32xf64> into f64
        %29 = vector.reduction <add>, %27 fastmath<reassoc> : vector<32xf64> into f64
        %30 = arith.divf %28, %1 : f64
        %31 = arith.divf %29, %1 : f64
        %32 = arith.mulf %30, %30 : f64
        %33 = arith.subf %31, %32 : f64
        %34 = arith.maximumf %33, %cst_2 : f64
        %cst_7 = arith.constant 9.99999974E-6 : f32
        %35 = arith.extf %cst_7 : f32 to f64
        %36 = arith.addf %34, %35 : f64
        %cst_8 = arith.constant 1.000000e-28 : f64
        %cst_9 = arith.constant 9.9999999999999995E+27 : f64
        %cst_10 = arith.constant 1.600000e+01 : f64
        %37 = arith.cmpf ogt, %36, %cst_8 : f64
        %38 = arith.cmpf olt, %36, %cst_9 : f64
        %39 = arith.mulf %34, %cst_10 : f64
        %40 = arith.cmpf ole, %31, %39 : f64
        %41 = arith.andi %37, %38 : i1
        %42 = arith.andi %41, %40 : i1
        %43:3 = scf.if %42 -> (f32, f64, f64) {
          scf.yield %21, %30, %36 : f32, f64, f64
        } else {
          %51 = scf.for %arg0 = %c0 to %c48 step %c32 iter_args(%arg1 = %cst_4) -> (vector<32xf64>) {
            %64 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst : memref<?x?xf32>, vector<32xf32>
            %65 = func.call @widen_x(%64) : (vector<32xf32>) -> vector<32xf32>
            %66 = arith.extf %65 : vector<32xf32> to vector<32xf64>
            %67 = arith.addf %arg1, %66 : vector<32xf64>
            scf.yield %67 : vector<32xf64>
          }
          %52 = vector.reduction <add>, %51 fastmath<reassoc> : vector<32xf64> into f64
          %53 = arith.divf %52, %1 : f64
          %54 = vector.broadcast %53 : f64 to vector<32xf64>
          %55 = arith.extf %12 : vector<32xf32> to vector<32xf64>
          %56 = scf.for %arg0 = %c0 to %3 step %c32 iter_args(%arg1 = %cst_4) -> (vector<32xf64>) {
            %64 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
            %65 = func.call @widen_x(%64) : (vector<32xf32>) -> vector<32xf32>
            %66 = arith.extf %65 : vector<32xf32> to vector<32xf64>
            %67 = arith.subf %66, %54 : vector<32xf64>
            %68 = math.fma %67, %67, %arg1 : vector<32xf64>
            scf.yield %68 : vector<32xf64>
          }
          %57 = scf.for %arg0 = %3 to %c48 step %c32 iter_args(%arg1 = %56) -> (vector<32xf64>) {
            %64 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst : memref<?x?xf32>, vector<32xf32>
            %65 = func.call @widen_x(%64) : (vector<32xf32>) -> vector<32xf32>
            %66 = arith.extf %65 : vector<32xf32> to vector<32xf64>
            %67 = arith.subf %66, %54 : vector<32xf64>
            %68 = arith.mulf %67, %55 : vector<32xf64>
            %69 = math.fma %68, %68, %arg1 : vector<32xf64>
            scf.yield %69 : vector<32xf64>
          }
          %58 = vector.reduction <add>, %57 fastmath<reassoc> : vector<32xf64> into f64
          %59 = arith.divf %58, %1 : f64
          %60 = arith.addf %59, %35 : f64
          %61 = arith.truncf %53 : f64 to f32
          %62 = arith.extf %61 : f32 to f64
          %63 = arith.subf %53, %62 : f64
          scf.yield %61, %63, %60 : f32, f64, f64
        }
        %cst_11 = arith.constant 1.000000e+00 : f64
        %44 = math.sqrt %43#2 : f64
        %45 = arith.divf %cst_11, %44 : f64
        %46 = arith.truncf %45 : f64 to f32
        %47 = arith.truncf %43#1 : f64 to f32
        %48 = vector.broadcast %46 : f32 to vector<32xf32>
        %49 = vector.broadcast %47 : f32 to vector<32xf32>
        %50 = vector.broadcast %43#0 : f32 to vector<32xf32>
        scf.for %arg0 = %c0 to %3 step %c32 {
          %51 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst {in_bounds = [true]} : memref<?x?xf32>, vector<32xf32>
          %52 = vector.transfer_read %7[%arg0], %cst_0 {in_bounds = [true]} : memref<?xbf16>, vector<32xbf16>
          %53 = vector.transfer_read %8[%arg0], %cst_1 {in_bounds = [true]} : memref<?xbf16>, vector<32xbf16>
          %54 = func.call @layer_norm_affine(%51, %50, %49, %48, %52, %53) : (vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<32xf32>
          vector.store %54, %9[%workgroup_id_x, %arg0] alignment = 1 : memref<?x?xf32>, vector<32xf32>
        }
        scf.for %arg0 = %3 to %c48 step %c32 {
          %51 = vector.transfer_read %6[%workgroup_id_x, %arg0], %cst : memref<?x?xf32>, vector<32xf32>
          %52 = vector.transfer_read %7[%arg0], %cst_0 : memref<?xbf16>, vector<32xbf16>
          %53 = vector.transfer_read %8[%arg0], %cst_1 : memref<?xbf16>, vector<32xbf16>
          %54 = func.call @layer_norm_affine(%51, %50, %49, %48, %52, %53) : (vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<32xf32>
          vector.transfer_write %54, %9[%workgroup_id_x, %arg0] : vector<32xf32>, memref<?x?xf32>
        }
        llvm.fence seq_cst
        return
      }
    }
  }
  util.func private @layer_norm(%arg0: tensor<?x48xf32>, %arg1: tensor<48xbf16>, %arg2: tensor<48xbf16>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = flow.dispatch @layer_norm_rows::@layer_norm[%dim](%arg0, %arg1, %arg2) : (tensor<?x48xf32>{%dim}, tensor<48xbf16>, tensor<48xbf16>) -> tensor<?x48xf32>{%dim}
    util.return %0 : tensor<?x48xf32>
  }
}

module {
  func.func public @main(%arg0: tensor<?x?x4x48xf32>, %arg1: tensor<?x?x2x48xf32>, %arg2: tensor<?x?x2x48xf32>, %arg3: tensor<?xi32>, %arg4: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?x4x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg1, %c0 : tensor<?x?x2x48xf32>
    %c0_0 = arith.constant 0 : index
    %dim_1 = tensor.dim %arg2, %c0_0 : tensor<?x?x2x48xf32>
    %0 = arith.cmpi eq, %dim, %dim_1 : index
    cf.assert %0, "mm_encoder_attn: dimension 0 of `value` must be equal to dimension 0 of `key`"
    %c1 = arith.constant 1 : index
    %dim_2 = tensor.dim %arg1, %c1 : tensor<?x?x2x48xf32>
    %c1_3 = arith.constant 1 : index
    %dim_4 = tensor.dim %arg2, %c1_3 : tensor<?x?x2x48xf32>
    %1 = arith.cmpi eq, %dim_2, %dim_4 : index
    cf.assert %1, "mm_encoder_attn: dimension 1 of `value` must be equal to dimension 1 of `key`"
    %2 = util.call @mm_encoder_attn_varlen(%arg0, %arg1, %arg2, %arg3) : (tensor<?x?x4x48xf32>, tensor<?x?x2x48xf32>, tensor<?x?x2x48xf32>, tensor<?xi32>) -> tensor<?x?x4x48xf32>
    return %2 : tensor<?x?x4x48xf32>
  }
  util.func private @mm_encoder_attn_varlen(%arg0: tensor<?x?x4x48xf32>, %arg1: tensor<?x?x2x48xf32>, %arg2: tensor<?x?x2x48xf32>, %arg3: tensor<?xi32>) -> tensor<?x?x4x48xf32> {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?x4x48xf32>
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?x4x48xf32>
    %dim_1 = tensor.dim %arg3, %c0 : tensor<?xi32>
    %c64 = arith.constant 64 : index
    %0 = arith.ceildivui %dim_0, %c64 : index
    %c4 = arith.constant 4 : index
    %1 = flow.dispatch.workgroups[%0, %c4, %dim](%arg0, %arg1, %arg2, %dim, %dim_0, %arg3, %dim_1) : (tensor<?x?x4x48xf32>{%dim, %dim_0}, tensor<?x?x2x48xf32>{%dim, %dim_0}, tensor<?x?x2x48xf32>{%dim, %dim_0}, index, index, tensor<?xi32>{%dim_1}, index) -> tensor<?x?x4x48xf32>{%dim, %dim_0} =
        (%arg4: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>, %arg5: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>, %arg6: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>, %arg7: index, %arg8: index, %arg9: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi32>>, %arg10: index, %arg11: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>) {
      %c0_2 = arith.constant 0 : index
      %c1_3 = arith.constant 1 : index
      %c64_4 = arith.constant 64 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c8 = arith.constant 8 : index
      %c16_5 = arith.constant 16 : index
      %c4_6 = arith.constant 4 : index
      %c2 = arith.constant 2 : index
      %c48 = arith.constant 48 : index
      %2 = arith.divui %c48, %c8 : index
      %3 = arith.muli %2, %c8 : index
      %cst = arith.constant 0.144337565 : f32
      %cst_7 = arith.constant 1.000000e+00 : f32
      %4 = math.copysign %cst_7, %cst : f32
      %5 = math.absf %cst : f32
      %6 = vector.broadcast %5 : f32 to vector<16xf32>
      %cst_8 = arith.constant dense<0.000000e+00> : vector<16xf32>
      %cst_9 = arith.constant 0.000000e+00 : f32
      %cst_10 = arith.constant dense<1.000000e+00> : vector<16xf32>
      %cst_11 = arith.constant dense<-3.40282347E+38> : vector<16xf32>
      %cst_12 = arith.constant dense<1.44269502> : vector<16xf32>
      %cst_13 = arith.constant dense<0x4B400000> : vector<16xf32>
      %cst_14 = arith.constant dense<-0.693145751> : vector<16xf32>
      %cst_15 = arith.constant dense<-1.42860677E-6> : vector<16xf32>
      %cst_16 = arith.constant dense<-8.700000e+01> : vector<16xf32>
      %cst_17 = arith.constant dense<23> : vector<16xi32>
      %cst_18 = arith.constant dense<1.98756912E-4> : vector<16xf32>
      %cst_19 = arith.constant dense<0.00139819994> : vector<16xf32>
      %cst_20 = arith.constant dense<0.00833345205> : vector<16xf32>
      %cst_21 = arith.constant dense<0.0416657962> : vector<16xf32>
      %cst_22 = arith.constant dense<0.166666657> : vector<16xf32>
      %cst_23 = arith.constant dense<5.000000e-01> : vector<16xf32>
      %7 = arith.divui %c4_6, %c2 : index
      %8 = flow.dispatch.tie_shape %arg4 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>{%arg7, %arg8}
      %9 = flow.dispatch.tie_shape %arg5 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg7, %arg8}
      %10 = flow.dispatch.tie_shape %arg6 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg7, %arg8}
      %11 = flow.dispatch.tie_shape %arg11 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>{%arg7, %arg8}
      %12 = iree_tensor_ext.dispatch.tensor.load %8, offsets = [%c0_2, %c0_2, %c0_2, %c0_2], sizes = [%arg7, %arg8, %c4_6, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>{%arg7, %arg8} -> tensor<?x?x?x?xf32>
      %13 = iree_tensor_ext.dispatch.tensor.load %9, offsets = [%c0_2, %c0_2, %c0_2, %c0_2], sizes = [%arg7, %arg8, %7, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg7, %arg8} -> tensor<?x?x?x?xf32>
      %14 = iree_tensor_ext.dispatch.tensor.load %10, offsets = [%c0_2, %c0_2, %c0_2, %c0_2], sizes = [%arg7, %arg8, %7, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg7, %arg8} -> tensor<?x?x?x?xf32>
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %workgroup_id_1 = flow.dispatch.workgroup.id[1] : index
      %workgroup_id_2 = flow.dispatch.workgroup.id[2] : index
      %15 = arith.divui %workgroup_id_1, %c2 : index
      %16 = arith.muli %workgroup_id_0, %c64_4 : index
      %17 = arith.subi %arg8, %16 : index
      %18 = arith.minsi %17, %c64_4 : index
      %19 = arith.addi %16, %18 : index
      %alloca = memref.alloca() alignment = 64 : memref<48x16xf32>
      %alloca_24 = memref.alloca() alignment = 64 : memref<48x16xf32>
      %alloca_25 = memref.alloca() alignment = 64 : memref<32x16xf32>
      %20 = tensor.empty(%c1_3, %18, %c1_3, %c48) : tensor<?x?x?x?xf32>
      %21 = flow.dispatch.tie_shape %arg9 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi32>>{%arg10}
      %22 = iree_tensor_ext.dispatch.tensor.load %21, offsets = [0], sizes = [%arg10], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi32>>{%arg10} -> tensor<?xi32>
      %23 = arith.maxsi %arg10, %c1_3 : index
      %24 = arith.subi %23, %c1_3 : index
      %25 = scf.for %arg12 = %c0_2 to %18 step %c1_3 iter_args(%arg13 = %20) -> (tensor<?x?x?x?xf32>) {
        %27 = scf.for %arg14 = %c0_2 to %c48 step %c1_3 iter_args(%arg15 = %arg13) -> (tensor<?x?x?x?xf32>) {
          %inserted = tensor.insert %cst_9 into %arg15[%c0_2, %arg12, %c0_2, %arg14] : tensor<?x?x?x?xf32>
          scf.yield %inserted : tensor<?x?x?x?xf32>
        }
        scf.yield %27 : tensor<?x?x?x?xf32>
      }
      %26 = scf.for %arg12 = %c0_2 to %24 step %c1_3 iter_args(%arg13 = %25) -> (tensor<?x?x?x?xf32>) {
        %27 = arith.addi %arg12, %c1_3 : index
        %extracted = tensor.extract %22[%arg12] : tensor<?xi32>
        %extracted_26 = tensor.extract %22[%27] : tensor<?xi32>
        %28 = arith.index_cast %extracted : i32 to index
        %29 = arith.index_cast %extracted_26 : i32 to index
        %30 = arith.maxsi %28, %c0_2 : index
        %31 = arith.minsi %29, %arg8 : index
        %32 = arith.maxsi %30, %16 : index
        %33 = arith.minsi %31, %19 : index
        %34 = arith.subi %31, %c1_3 : index
        %35 = scf.for %arg14 = %32 to %33 step %c16 iter_args(%arg15 = %arg13) -> (tensor<?x?x?x?xf32>) {
          %36 = arith.subi %33, %arg14 : index
          %37 = arith.minsi %36, %c16 : index
          %38 = arith.subi %37, %c1_3 : index
          scf.for %arg16 = %c0_2 to %c16 step %c1_3 {
            %42 = arith.minsi %arg16, %38 : index
            %43 = arith.addi %arg14, %42 : index
            scf.for %arg17 = %c0_2 to %c48 step %c1_3 {
              %extracted_27 = tensor.extract %12[%workgroup_id_2, %43, %workgroup_id_1, %arg17] : tensor<?x?x?x?xf32>
              %44 = arith.mulf %extracted_27, %4 : f32
              memref.store %44, %alloca[%arg17, %arg16] : memref<48x16xf32>
            }
          }
          scf.for %arg16 = %c0_2 to %c48 step %c1_3 {
            vector.store %cst_8, %alloca_24[%arg16, %c0_2] : memref<48x16xf32>, vector<16xf32>
          }
          %39:2 = scf.for %arg16 = %30 to %31 step %c32 iter_args(%arg17 = %cst_11, %arg18 = %cst_8) -> (vector<16xf32>, vector<16xf32>) {
            %42 = arith.subi %31, %arg16 : index
            %43 = arith.minsi %42, %c32 : index
            %44 = scf.for %arg19 = %c0_2 to %43 step %c8 iter_args(%arg20 = %arg17) -> (vector<16xf32>) {
              %69 = arith.addi %arg16, %arg19 : index
              %c1_27 = arith.constant 1 : index
              %70 = arith.addi %69, %c1_27 : index
              %71 = arith.minsi %70, %34 : index
              %c2_28 = arith.constant 2 : index
              %72 = arith.addi %69, %c2_28 : index
              %73 = arith.minsi %72, %34 : index
              %c3 = arith.constant 3 : index
              %74 = arith.addi %69, %c3 : index
              %75 = arith.minsi %74, %34 : index
              %c4_29 = arith.constant 4 : index
              %76 = arith.addi %69, %c4_29 : index
              %77 = arith.minsi %76, %34 : index
              %c5 = arith.constant 5 : index
              %78 = arith.addi %69, %c5 : index
              %79 = arith.minsi %78, %34 : index
              %c6 = arith.constant 6 : index
              %80 = arith.addi %69, %c6 : index
              %81 = arith.minsi %80, %34 : index
              %c7 = arith.constant 7 : index
              %82 = arith.addi %69, %c7 : index
              %83 = arith.minsi %82, %34 : index
              %84:8 = scf.for %arg21 = %c0_2 to %c48 step %c16_5 iter_args(%arg22 = %cst_8, %arg23 = %cst_8, %arg24 = %cst_8, %arg25 = %cst_8, %arg26 = %cst_8, %arg27 = %cst_8, %arg28 = %cst_8, %arg29 = %cst_8) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                %108 = arith.subi %c48, %arg21 : index
                %109 = arith.minsi %108, %c16_5 : index
                %110 = arith.addi %arg21, %109 : index
                %111:8 = scf.for %arg30 = %arg21 to %110 step %c1_3 iter_args(%arg31 = %cst_8, %arg32 = %cst_8, %arg33 = %cst_8, %arg34 = %cst_8, %arg35 = %cst_8, %arg36 = %cst_8, %arg37 = %cst_8, %arg38 = %cst_8) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                  %120 = vector.load %alloca[%arg30, %c0_2] : memref<48x16xf32>, vector<16xf32>
                  %extracted_30 = tensor.extract %13[%workgroup_id_2, %69, %15, %arg30] : tensor<?x?x?x?xf32>
                  %121 = vector.broadcast %extracted_30 : f32 to vector<16xf32>
                  %122 = math.fma %121, %120, %arg31 : vector<16xf32>
                  %extracted_31 = tensor.extract %13[%workgroup_id_2, %71, %15, %arg30] : tensor<?x?x?x?xf32>
                  %123 = vector.broadcast %extracted_31 : f32 to vector<16xf32>
                  %124 = math.fma %123, %120, %arg32 : vector<16xf32>
                  %extracted_32 = tensor.extract %13[%workgroup_id_2, %73, %15, %arg30] : tensor<?x?x?x?xf32>
                  %125 = vector.broadcast %extracted_32 : f32 to vector<16xf32>
                  %126 = math.fma %125, %120, %arg33 : vector<16xf32>
                  %extracted_33 = tensor.extract %13[%workgroup_id_2, %75, %15, %arg30] : tensor<?x?x?x?xf32>
                  %127 = vector.broadcast %extracted_33 : f32 to vector<16xf32>
                  %128 = math.fma %127, %120, %arg34 : vector<16xf32>
                  %extracted_34 = tensor.extract %13[%workgroup_id_2, %77, %15, %arg30] : tensor<?x?x?x?xf32>
                  %129 = vector.broadcast %extracted_34 : f32 to vector<16xf32>
                  %130 = math.fma %129, %120, %arg35 : vector<16xf32>
                  %extracted_35 = tensor.extract %13[%workgroup_id_2, %79, %15, %arg30] : tensor<?x?x?x?xf32>
                  %131 = vector.broadcast %extracted_35 : f32 to vector<16xf32>
                  %132 = math.fma %131, %120, %arg36 : vector<16xf32>
                  %extracted_36 = tensor.extract %13[%workgroup_id_2, %81, %15, %arg30] : tensor<?x?x?x?xf32>
                  %133 = vector.broadcast %extracted_36 : f32 to vector<16xf32>
                  %134 = math.fma %133, %120, %arg37 : vector<16xf32>
                  %extracted_37 = tensor.extract %13[%workgroup_id_2, %83, %15, %arg30] : tensor<?x?x?x?xf32>
                  %135 = vector.broadcast %extracted_37 : f32 to vector<16xf32>
                  %136 = math.fma %135, %120, %arg38 : vector<16xf32>
                  scf.yield %122, %124, %126, %128, %130, %132, %134, %136 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                }
                %112 = arith.addf %arg22, %111#0 : vector<16xf32>
                %113 = arith.addf %arg23, %111#1 : vector<16xf32>
                %114 = arith.addf %arg24, %111#2 : vector<16xf32>
                %115 = arith.addf %arg25, %111#3 : vector<16xf32>
                %116 = arith.addf %arg26, %111#4 : vector<16xf32>
                %117 = arith.addf %arg27, %111#5 : vector<16xf32>
                %118 = arith.addf %arg28, %111#6 : vector<16xf32>
                %119 = arith.addf %arg29, %111#7 : vector<16xf32>
                scf.yield %112, %113, %114, %115, %116, %117, %118, %119 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
              }
              vector.store %84#0, %alloca_25[%arg19, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %85 = arith.cmpf ogt, %84#0, %arg20 : vector<16xf32>
              %86 = arith.select %85, %84#0, %arg20 : vector<16xi1>, vector<16xf32>
              %87 = arith.addi %arg19, %c1_27 : index
              vector.store %84#1, %alloca_25[%87, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %88 = arith.cmpf ogt, %84#1, %86 : vector<16xf32>
              %89 = arith.select %88, %84#1, %86 : vector<16xi1>, vector<16xf32>
              %90 = arith.addi %arg19, %c2_28 : index
              vector.store %84#2, %alloca_25[%90, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %91 = arith.cmpf ogt, %84#2, %89 : vector<16xf32>
              %92 = arith.select %91, %84#2, %89 : vector<16xi1>, vector<16xf32>
              %93 = arith.addi %arg19, %c3 : index
              vector.store %84#3, %alloca_25[%93, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %94 = arith.cmpf ogt, %84#3, %92 : vector<16xf32>
              %95 = arith.select %94, %84#3, %92 : vector<16xi1>, vector<16xf32>
              %96 = arith.addi %arg19, %c4_29 : index
              vector.store %84#4, %alloca_25[%96, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %97 = arith.cmpf ogt, %84#4, %95 : vector<16xf32>
              %98 = arith.select %97, %84#4, %95 : vector<16xi1>, vector<16xf32>
              %99 = arith.addi %arg19, %c5 : index
              vector.store %84#5, %alloca_25[%99, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %100 = arith.cmpf ogt, %84#5, %98 : vector<16xf32>
              %101 = arith.select %100, %84#5, %98 : vector<16xi1>, vector<16xf32>
              %102 = arith.addi %arg19, %c6 : index
              vector.store %84#6, %alloca_25[%102, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %103 = arith.cmpf ogt, %84#6, %101 : vector<16xf32>
              %104 = arith.select %103, %84#6, %101 : vector<16xi1>, vector<16xf32>
              %105 = arith.addi %arg19, %c7 : index
              vector.store %84#7, %alloca_25[%105, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %106 = arith.cmpf ogt, %84#7, %104 : vector<16xf32>
              %107 = arith.select %106, %84#7, %104 : vector<16xi1>, vector<16xf32>
              scf.yield %107 : vector<16xf32>
            }
            %45 = arith.subf %arg17, %44 : vector<16xf32>
            %46 = arith.mulf %45, %6 : vector<16xf32>
            %47 = math.fma %46, %cst_12, %cst_13 : vector<16xf32>
            %48 = arith.subf %47, %cst_13 : vector<16xf32>
            %49 = math.fma %48, %cst_14, %46 : vector<16xf32>
            %50 = math.fma %48, %cst_15, %49 : vector<16xf32>
            %51 = math.fma %cst_18, %50, %cst_19 : vector<16xf32>
            %52 = math.fma %51, %50, %cst_20 : vector<16xf32>
            %53 = math.fma %52, %50, %cst_21 : vector<16xf32>
            %54 = math.fma %53, %50, %cst_22 : vector<16xf32>
            %55 = math.fma %54, %50, %cst_23 : vector<16xf32>
            %56 = math.fma %55, %50, %cst_10 : vector<16xf32>
            %57 = math.fma %56, %50, %cst_10 : vector<16xf32>
            %58 = arith.bitcast %47 : vector<16xf32> to vector<16xi32>
            %59 = arith.shli %58, %cst_17 : vector<16xi32>
            %60 = arith.bitcast %57 : vector<16xf32> to vector<16xi32>
            %61 = arith.addi %60, %59 : vector<16xi32>
            %62 = arith.bitcast %61 : vector<16xi32> to vector<16xf32>
            %63 = arith.cmpf olt, %46, %cst_16 : vector<16xf32>
            %64 = arith.select %63, %cst_8, %62 : vector<16xi1>, vector<16xf32>
            %65 = arith.cmpf uno, %46, %46 : vector<16xf32>
            %66 = arith.select %65, %46, %64 : vector<16xi1>, vector<16xf32>
            %67 = scf.for %arg19 = %c0_2 to %43 step %c1_3 iter_args(%arg20 = %cst_8) -> (vector<16xf32>) {
              %69 = vector.load %alloca_25[%arg19, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %70 = arith.subf %69, %44 : vector<16xf32>
              %71 = arith.mulf %70, %6 : vector<16xf32>
              %72 = math.fma %71, %cst_12, %cst_13 : vector<16xf32>
              %73 = arith.subf %72, %cst_13 : vector<16xf32>
              %74 = math.fma %73, %cst_14, %71 : vector<16xf32>
              %75 = math.fma %73, %cst_15, %74 : vector<16xf32>
              %76 = math.fma %cst_18, %75, %cst_19 : vector<16xf32>
              %77 = math.fma %76, %75, %cst_20 : vector<16xf32>
              %78 = math.fma %77, %75, %cst_21 : vector<16xf32>
              %79 = math.fma %78, %75, %cst_22 : vector<16xf32>
              %80 = math.fma %79, %75, %cst_23 : vector<16xf32>
              %81 = math.fma %80, %75, %cst_10 : vector<16xf32>
              %82 = math.fma %81, %75, %cst_10 : vector<16xf32>
              %83 = arith.bitcast %72 : vector<16xf32> to vector<16xi32>
              %84 = arith.shli %83, %cst_17 : vector<16xi32>
              %85 = arith.bitcast %82 : vector<16xf32> to vector<16xi32>
              %86 = arith.addi %85, %84 : vector<16xi32>
              %87 = arith.bitcast %86 : vector<16xi32> to vector<16xf32>
              %88 = arith.cmpf olt, %71, %cst_16 : vector<16xf32>
              %89 = arith.select %88, %cst_8, %87 : vector<16xi1>, vector<16xf32>
              %90 = arith.cmpf uno, %71, %71 : vector<16xf32>
              %91 = arith.select %90, %71, %89 : vector<16xi1>, vector<16xf32>
              vector.store %91, %alloca_25[%arg19, %c0_2] : memref<32x16xf32>, vector<16xf32>
              %92 = arith.addf %arg20, %91 : vector<16xf32>
              scf.yield %92 : vector<16xf32>
            }
            %68 = math.fma %arg18, %66, %67 : vector<16xf32>
            scf.for %arg19 = %c0_2 to %3 step %c8 {
              %c1_27 = arith.constant 1 : index
              %69 = arith.addi %arg19, %c1_27 : index
              %c2_28 = arith.constant 2 : index
              %70 = arith.addi %arg19, %c2_28 : index
              %c3 = arith.constant 3 : index
              %71 = arith.addi %arg19, %c3 : index
              %c4_29 = arith.constant 4 : index
              %72 = arith.addi %arg19, %c4_29 : index
              %c5 = arith.constant 5 : index
              %73 = arith.addi %arg19, %c5 : index
              %c6 = arith.constant 6 : index
              %74 = arith.addi %arg19, %c6 : index
              %c7 = arith.constant 7 : index
              %75 = arith.addi %arg19, %c7 : index
              %76:8 = scf.for %arg20 = %c0_2 to %43 step %c1_3 iter_args(%arg21 = %cst_8, %arg22 = %cst_8, %arg23 = %cst_8, %arg24 = %cst_8, %arg25 = %cst_8, %arg26 = %cst_8, %arg27 = %cst_8, %arg28 = %cst_8) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                %93 = vector.load %alloca_25[%arg20, %c0_2] : memref<32x16xf32>, vector<16xf32>
                %94 = arith.addi %arg16, %arg20 : index
                %extracted_30 = tensor.extract %14[%workgroup_id_2, %94, %15, %arg19] : tensor<?x?x?x?xf32>
                %95 = vector.broadcast %extracted_30 : f32 to vector<16xf32>
                %96 = math.fma %95, %93, %arg21 : vector<16xf32>
                %extracted_31 = tensor.extract %14[%workgroup_id_2, %94, %15, %69] : tensor<?x?x?x?xf32>
                %97 = vector.broadcast %extracted_31 : f32 to vector<16xf32>
                %98 = math.fma %97, %93, %arg22 : vector<16xf32>
                %extracted_32 = tensor.extract %14[%workgroup_id_2, %94, %15, %70] : tensor<?x?x?x?xf32>
                %99 = vector.broadcast %extracted_32 : f32 to vector<16xf32>
                %100 = math.fma %99, %93, %arg23 : vector<16xf32>
                %extracted_33 = tensor.extract %14[%workgroup_id_2, %94, %15, %71] : tensor<?x?x?x?xf32>
                %101 = vector.broadcast %extracted_33 : f32 to vector<16xf32>
                %102 = math.fma %101, %93, %arg24 : vector<16xf32>
                %extracted_34 = tensor.extract %14[%workgroup_id_2, %94, %15, %72] : tensor<?x?x?x?xf32>
                %103 = vector.broadcast %extracted_34 : f32 to vector<16xf32>
                %104 = math.fma %103, %93, %arg25 : vector<16xf32>
                %extracted_35 = tensor.extract %14[%workgroup_id_2, %94, %15, %73] : tensor<?x?x?x?xf32>
                %105 = vector.broadcast %extracted_35 : f32 to vector<16xf32>
                %106 = math.fma %105, %93, %arg26 : vector<16xf32>
                %extracted_36 = tensor.extract %14[%workgroup_id_2, %94, %15, %74] : tensor<?x?x?x?xf32>
                %107 = vector.broadcast %extracted_36 : f32 to vector<16xf32>
                %108 = math.fma %107, %93, %arg27 : vector<16xf32>
                %extracted_37 = tensor.extract %14[%workgroup_id_2, %94, %15, %75] : tensor<?x?x?x?xf32>
                %109 = vector.broadcast %extracted_37 : f32 to vector<16xf32>
                %110 = math.fma %109, %93, %arg28 : vector<16xf32>
                scf.yield %96, %98, %100, %102, %104, %106, %108, %110 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
              }
              %77 = vector.load %alloca_24[%arg19, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %78 = math.fma %77, %66, %76#0 : vector<16xf32>
              vector.store %78, %alloca_24[%arg19, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %79 = vector.load %alloca_24[%69, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %80 = math.fma %79, %66, %76#1 : vector<16xf32>
              vector.store %80, %alloca_24[%69, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %81 = vector.load %alloca_24[%70, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %82 = math.fma %81, %66, %76#2 : vector<16xf32>
              vector.store %82, %alloca_24[%70, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %83 = vector.load %alloca_24[%71, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %84 = math.fma %83, %66, %76#3 : vector<16xf32>
              vector.store %84, %alloca_24[%71, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %85 = vector.load %alloca_24[%72, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %86 = math.fma %85, %66, %76#4 : vector<16xf32>
              vector.store %86, %alloca_24[%72, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %87 = vector.load %alloca_24[%73, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %88 = math.fma %87, %66, %76#5 : vector<16xf32>
              vector.store %88, %alloca_24[%73, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %89 = vector.load %alloca_24[%74, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %90 = math.fma %89, %66, %76#6 : vector<16xf32>
              vector.store %90, %alloca_24[%74, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %91 = vector.load %alloca_24[%75, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %92 = math.fma %91, %66, %76#7 : vector<16xf32>
              vector.store %92, %alloca_24[%75, %c0_2] : memref<48x16xf32>, vector<16xf32>
            }
            scf.for %arg19 = %3 to %c48 step %c1_3 {
              %69 = scf.for %arg20 = %c0_2 to %43 step %c1_3 iter_args(%arg21 = %cst_8) -> (vector<16xf32>) {
                %72 = vector.load %alloca_25[%arg20, %c0_2] : memref<32x16xf32>, vector<16xf32>
                %73 = arith.addi %arg16, %arg20 : index
                %extracted_27 = tensor.extract %14[%workgroup_id_2, %73, %15, %arg19] : tensor<?x?x?x?xf32>
                %74 = vector.broadcast %extracted_27 : f32 to vector<16xf32>
                %75 = math.fma %74, %72, %arg21 : vector<16xf32>
                scf.yield %75 : vector<16xf32>
              }
              %70 = vector.load %alloca_24[%arg19, %c0_2] : memref<48x16xf32>, vector<16xf32>
              %71 = math.fma %70, %66, %69 : vector<16xf32>
              vector.store %71, %alloca_24[%arg19, %c0_2] : memref<48x16xf32>, vector<16xf32>
            }
            scf.yield %44, %68 : vector<16xf32>, vector<16xf32>
          }
          scf.for %arg16 = %c0_2 to %c48 step %c1_3 {
            %42 = vector.load %alloca_24[%arg16, %c0_2] : memref<48x16xf32>, vector<16xf32>
            %43 = arith.divf %42, %39#1 : vector<16xf32>
            vector.store %43, %alloca_24[%arg16, %c0_2] : memref<48x16xf32>, vector<16xf32>
          }
          %40 = arith.subi %arg14, %16 : index
          %41 = scf.for %arg16 = %c0_2 to %37 step %c1_3 iter_args(%arg17 = %arg15) -> (tensor<?x?x?x?xf32>) {
            %42 = arith.addi %40, %arg16 : index
            %43 = scf.for %arg18 = %c0_2 to %c48 step %c1_3 iter_args(%arg19 = %arg17) -> (tensor<?x?x?x?xf32>) {
              %44 = memref.load %alloca_24[%arg18, %arg16] : memref<48x16xf32>
              %inserted = tensor.insert %44 into %arg19[%c0_2, %42, %c0_2, %arg18] : tensor<?x?x?x?xf32>
              scf.yield %inserted : tensor<?x?x?x?xf32>
            }
            scf.yield %43 : tensor<?x?x?x?xf32>
          }
          scf.yield %41 : tensor<?x?x?x?xf32>
        }
        scf.yield %35 : tensor<?x?x?x?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %26, %11, offsets = [%workgroup_id_2, %16, %workgroup_id_1, %c0_2], sizes = [%c1_3, %18, %c1_3, %c48], strides = [1, 1, 1, 1] : tensor<?x?x?x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>{%arg7, %arg8}
      flow.return
    } count(%arg4: index, %arg5: index, %arg6: index) -> (index, index, index) {
      flow.return %arg4, %arg5, %arg6 : index, index, index
    }
    util.return %1 : tensor<?x?x4x48xf32>
  }
}

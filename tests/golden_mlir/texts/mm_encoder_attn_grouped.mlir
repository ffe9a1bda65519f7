module {
  func.func public @main(%arg0: tensor<?x?x4x48xf32>, %arg1: tensor<?x?x2x48xf32>, %arg2: tensor<?x?x2x48xf32>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?x4x48xf32> {
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
    %2 = util.call @mm_encoder_attn(%arg0, %arg1, %arg2) : (tensor<?x?x4x48xf32>, tensor<?x?x2x48xf32>, tensor<?x?x2x48xf32>) -> tensor<?x?x4x48xf32>
    return %2 : tensor<?x?x4x48xf32>
  }
  util.func private @mm_encoder_attn(%arg0: tensor<?x?x4x48xf32>, %arg1: tensor<?x?x2x48xf32>, %arg2: tensor<?x?x2x48xf32>) -> tensor<?x?x4x48xf32> {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?x4x48xf32>
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?x4x48xf32>
    %c64 = arith.constant 64 : index
    %0 = arith.ceildivui %dim_0, %c64 : index
    %c4 = arith.constant 4 : index
    %1 = flow.dispatch.workgroups[%0, %c4, %dim](%arg0, %arg1, %arg2, %dim, %dim_0) : (tensor<?x?x4x48xf32>{%dim, %dim_0}, tensor<?x?x2x48xf32>{%dim, %dim_0}, tensor<?x?x2x48xf32>{%dim, %dim_0}, index, index) -> tensor<?x?x4x48xf32>{%dim, %dim_0} =
        (%arg3: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>, %arg4: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>, %arg5: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>, %arg6: index, %arg7: index, %arg8: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>) {
      %c0_1 = arith.constant 0 : index
      %c1_2 = arith.constant 1 : index
      %c64_3 = arith.constant 64 : index
      %c16 = arith.constant 16 : index
      %c32 = arith.constant 32 : index
      %c8 = arith.constant 8 : index
      %c16_4 = arith.constant 16 : index
      %c4_5 = arith.constant 4 : index
      %c2 = arith.constant 2 : index
      %c48 = arith.constant 48 : index
      %2 = arith.divui %c48, %c8 : index
      %3 = arith.muli %2, %c8 : index
      %cst = arith.constant 0.144337565 : f32
      %cst_6 = arith.constant 1.000000e+00 : f32
      %4 = math.copysign %cst_6, %cst : f32
      %5 = math.absf %cst : f32
      %6 = vector.broadcast %5 : f32 to vector<16xf32>
      %cst_7 = arith.constant dense<0.000000e+00> : vector<16xf32>
      %cst_8 = arith.constant 0.000000e+00 : f32
      %cst_9 = arith.constant dense<1.000000e+00> : vector<16xf32>
      %cst_10 = arith.constant dense<-3.40282347E+38> : vector<16xf32>
      %cst_11 = arith.constant dense<1.44269502> : vector<16xf32>
      %cst_12 = arith.constant dense<0x4B400000> : vector<16xf32>
      %cst_13 = arith.constant dense<-0.693145751> : vector<16xf32>
      %cst_14 = arith.constant dense<-1.42860677E-6> : vector<16xf32>
      %cst_15 = arith.constant dense<-8.700000e+01> : vector<16xf32>
      %cst_16 = arith.constant dense<23> : vector<16xi32>
      %cst_17 = arith.constant dense<1.98756912E-4> : vector<16xf32>
      %cst_18 = arith.constant dense<0.00139819994> : vector<16xf32>
      %cst_19 = arith.constant dense<0.00833345205> : vector<16xf32>
      %cst_20 = arith.constant dense<0.0416657962> : vector<16xf32>
      %cst_21 = arith.constant dense<0.166666657> : vector<16xf32>
      %cst_22 = arith.constant dense<5.000000e-01> : vector<16xf32>
      %7 = arith.divui %c4_5, %c2 : index
      %8 = flow.dispatch.tie_shape %arg3 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>{%arg6, %arg7}
      %9 = flow.dispatch.tie_shape %arg4 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg6, %arg7}
      %10 = flow.dispatch.tie_shape %arg5 : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg6, %arg7}
      %11 = flow.dispatch.tie_shape %arg8 : !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>{%arg6, %arg7}
      %12 = iree_tensor_ext.dispatch.tensor.load %8, offsets = [%c0_1, %c0_1, %c0_1, %c0_1], sizes = [%arg6, %arg7, %c4_5, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x4x48xf32>>{%arg6, %arg7} -> tensor<?x?x?x?xf32>
      %13 = iree_tensor_ext.dispatch.tensor.load %9, offsets = [%c0_1, %c0_1, %c0_1, %c0_1], sizes = [%arg6, %arg7, %7, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg6, %arg7} -> tensor<?x?x?x?xf32>
      %14 = iree_tensor_ext.dispatch.tensor.load %10, offsets = [%c0_1, %c0_1, %c0_1, %c0_1], sizes = [%arg6, %arg7, %7, %c48], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x?x2x48xf32>>{%arg6, %arg7} -> tensor<?x?x?x?xf32>
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %workgroup_id_1 = flow.dispatch.workgroup.id[1] : index
      %workgroup_id_2 = flow.dispatch.workgroup.id[2] : index
      %15 = arith.divui %workgroup_id_1, %c2 : index
      %16 = arith.muli %workgroup_id_0, %c64_3 : index
      %17 = arith.subi %arg7, %16 : index
      %18 = arith.minsi %17, %c64_3 : index
      %19 = arith.addi %16, %18 : index
      %alloca = memref.alloca() alignment = 64 : memref<48x16xf32>
      %alloca_23 = memref.alloca() alignment = 64 : memref<48x16xf32>
      %alloca_24 = memref.alloca() alignment = 64 : memref<32x16xf32>
      %20 = tensor.empty(%c1_2, %18, %c1_2, %c48) : tensor<?x?x?x?xf32>
      %21 = arith.subi %arg7, %c1_2 : index
      %22 = scf.for %arg9 = %16 to %19 step %c16 iter_args(%arg10 = %20) -> (tensor<?x?x?x?xf32>) {
        %23 = arith.subi %19, %arg9 : index
        %24 = arith.minsi %23, %c16 : index
        %25 = arith.subi %24, %c1_2 : index
        scf.for %arg11 = %c0_1 to %c16 step %c1_2 {
          %29 = arith.minsi %arg11, %25 : index
          %30 = arith.addi %arg9, %29 : index
          scf.for %arg12 = %c0_1 to %c48 step %c1_2 {
            %extracted = tensor.extract %12[%workgroup_id_2, %30, %workgroup_id_1, %arg12] : tensor<?x?x?x?xf32>
            %31 = arith.mulf %extracted, %4 : f32
            memref.store %31, %alloca[%arg12, %arg11] : memref<48x16xf32>
          }
        }
        scf.for %arg11 = %c0_1 to %c48 step %c1_2 {
          vector.store %cst_7, %alloca_23[%arg11, %c0_1] : memref<48x16xf32>, vector<16xf32>
        }
        %26:2 = scf.for %arg11 = %c0_1 to %arg7 step %c32 iter_args(%arg12 = %cst_10, %arg13 = %cst_7) -> (vector<16xf32>, vector<16xf32>) {
          %29 = arith.subi %arg7, %arg11 : index
          %30 = arith.minsi %29, %c32 : index
          %31 = scf.for %arg14 = %c0_1 to %30 step %c8 iter_args(%arg15 = %arg12) -> (vector<16xf32>) {
            %56 = arith.addi %arg11, %arg14 : index
            %c1_25 = arith.constant 1 : index
            %57 = arith.addi %56, %c1_25 : index
            %58 = arith.minsi %57, %21 : index
            %c2_26 = arith.constant 2 : index
            %59 = arith.addi %56, %c2_26 : index
            %60 = arith.minsi %59, %21 : index
            %c3 = arith.constant 3 : index
            %61 = arith.addi %56, %c3 : index
            %62 = arith.minsi %61, %21 : index
            %c4_27 = arith.constant 4 : index
            %63 = arith.addi %56, %c4_27 : index
            %64 = arith.minsi %63, %21 : index
            %c5 = arith.constant 5 : index
            %65 = arith.addi %56, %c5 : index
            %66 = arith.minsi %65, %21 : index
            %c6 = arith.constant 6 : index
            %67 = arith.addi %56, %c6 : index
            %68 = arith.minsi %67, %21 : index
            %c7 = arith.constant 7 : index
            %69 = arith.addi %56, %c7 : index
            %70 = arith.minsi %69, %21 : index
            %71:8 = scf.for %arg16 = %c0_1 to %c48 step %c16_4 iter_args(%arg17 = %cst_7, %arg18 = %cst_7, %arg19 = %cst_7, %arg20 = %cst_7, %arg21 = %cst_7, %arg22 = %cst_7, %arg23 = %cst_7, %arg24 = %cst_7) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
              %95 = arith.subi %c48, %arg16 : index
              %96 = arith.minsi %95, %c16_4 : index
              %97 = arith.addi %arg16, %96 : index
              %98:8 = scf.for %arg25 = %arg16 to %97 step %c1_2 iter_args(%arg26 = %cst_7, %arg27 = %cst_7, %arg28 = %cst_7, %arg29 = %cst_7, %arg30 = %cst_7, %arg31 = %cst_7, %arg32 = %cst_7, %arg33 = %cst_7) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                %107 = vector.load %alloca[%arg25, %c0_1] : memref<48x16xf32>, vector<16xf32>
                %extracted = tensor.extract %13[%workgroup_id_2, %56, %15, %arg25] : tensor<?x?x?x?xf32>
                %108 = vector.broadcast %extracted : f32 to vector<16xf32>
                %109 = math.fma %108, %107, %arg26 : vector<16xf32>
                %extracted_28 = tensor.extract %13[%workgroup_id_2, %58, %15, %arg25] : tensor<?x?x?x?xf32>
                %110 = vector.broadcast %extracted_28 : f32 to vector<16xf32>
                %111 = math.fma %110, %107, %arg27 : vector<16xf32>
                %extracted_29 = tensor.extract %13[%workgroup_id_2, %60, %15, %arg25] : tensor<?x?x?x?xf32>
                %112 = vector.broadcast %extracted_29 : f32 to vector<16xf32>
                %113 = math.fma %112, %107, %arg28 : vector<16xf32>
                %extracted_30 = tensor.extract %13[%workgroup_id_2, %62, %15, %arg25] : tensor<?x?x?x?xf32>
                %114 = vector.broadcast %extracted_30 : f32 to vector<16xf32>
                %115 = math.fma %114, %107, %arg29 : vector<16xf32>
                %extracted_31 = tensor.extract %13[%workgroup_id_2, %64, %15, %arg25] : tensor<?x?x?x?xf32>
                %116 = vector.broadcast %extracted_31 : f32 to vector<16xf32>
                %117 = math.fma %116, %107, %arg30 : vector<16xf32>
                %extracted_32 = tensor.extract %13[%workgroup_id_2, %66, %15, %arg25] : tensor<?x?x?x?xf32>
                %118 = vector.broadcast %extracted_32 : f32 to vector<16xf32>
                %119 = math.fma %118, %107, %arg31 : vector<16xf32>
                %extracted_33 = tensor.extract %13[%workgroup_id_2, %68, %15, %arg25] : tensor<?x?x?x?xf32>
                %120 = vector.broadcast %extracted_33 : f32 to vector<16xf32>
                %121 = math.fma %120, %107, %arg32 : vector<16xf32>
                %extracted_34 = tensor.extract %13[%workgroup_id_2, %70, %15, %arg25] : tensor<?x?x?x?xf32>
                %122 = vector.broadcast %extracted_34 : f32 to vector<16xf32>
                %123 = math.fma %122, %107, %arg33 : vector<16xf32>
                scf.yield %109, %111, %113, %115, %117, %119, %121, %123 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
              }
              %99 = arith.addf %arg17, %98#0 : vector<16xf32>
              %100 = arith.addf %arg18, %98#1 : vector<16xf32>
              %101 = arith.addf %arg19, %98#2 : vector<16xf32>
              %102 = arith.addf %arg20, %98#3 : vector<16xf32>
              %103 = arith.addf %arg21, %98#4 : vector<16xf32>
              %104 = arith.addf %arg22, %98#5 : vector<16xf32>
              %105 = arith.addf %arg23, %98#6 : vector<16xf32>
              %106 = arith.addf %arg24, %98#7 : vector<16xf32>
              scf.yield %99, %100, %101, %102, %103, %104, %105, %106 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
            }
            vector.store %71#0, %alloca_24[%arg14, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %72 = arith.cmpf ogt, %71#0, %arg15 : vector<16xf32>
            %73 = arith.select %72, %71#0, %arg15 : vector<16xi1>, vector<16xf32>
            %74 = arith.addi %arg14, %c1_25 : index
            vector.store %71#1, %alloca_24[%74, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %75 = arith.cmpf ogt, %71#1, %73 : vector<16xf32>
            %76 = arith.select %75, %71#1, %73 : vector<16xi1>, vector<16xf32>
            %77 = arith.addi %arg14, %c2_26 : index
            vector.store %71#2, %alloca_24[%77, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %78 = arith.cmpf ogt, %71#2, %76 : vector<16xf32>
            %79 = arith.select %78, %71#2, %76 : vector<16xi1>, vector<16xf32>
            %80 = arith.addi %arg14, %c3 : index
            vector.store %71#3, %alloca_24[%80, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %81 = arith.cmpf ogt, %71#3, %79 : vector<16xf32>
            %82 = arith.select %81, %71#3, %79 : vector<16xi1>, vector<16xf32>
            %83 = arith.addi %arg14, %c4_27 : index
            vector.store %71#4, %alloca_24[%83, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %84 = arith.cmpf ogt, %71#4, %82 : vector<16xf32>
            %85 = arith.select %84, %71#4, %82 : vector<16xi1>, vector<16xf32>
            %86 = arith.addi %arg14, %c5 : index
            vector.store %71#5, %alloca_24[%86, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %87 = arith.cmpf ogt, %71#5, %85 : vector<16xf32>
            %88 = arith.select %87, %71#5, %85 : vector<16xi1>, vector<16xf32>
            %89 = arith.addi %arg14, %c6 : index
            vector.store %71#6, %alloca_24[%89, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %90 = arith.cmpf ogt, %71#6, %88 : vector<16xf32>
            %91 = arith.select %90, %71#6, %88 : vector<16xi1>, vector<16xf32>
            %92 = arith.addi %arg14, %c7 : index
            vector.store %71#7, %alloca_24[%92, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %93 = arith.cmpf ogt, %71#7, %91 : vector<16xf32>
            %94 = arith.select %93, %71#7, %91 : vector<16xi1>, vector<16xf32>
            scf.yield %94 : vector<16xf32>
          }
          %32 = arith.subf %arg12, %31 : vector<16xf32>
          %33 = arith.mulf %32, %6 : vector<16xf32>
          %34 = math.fma %33, %cst_11, %cst_12 : vector<16xf32>
          %35 = arith.subf %34, %cst_12 : vector<16xf32>
          %36 = math.fma %35, %cst_13, %33 : vector<16xf32>
          %37 = math.fma %35, %cst_14, %36 : vector<16xf32>
          %38 = math.fma %cst_17, %37, %cst_18 : vector<16xf32>
          %39 = math.fma %38, %37, %cst_19 : vector<16xf32>
          %40 = math.fma %39, %37, %cst_20 : vector<16xf32>
          %41 = math.fma %40, %37, %cst_21 : vector<16xf32>
          %42 = math.fma %41, %37, %cst_22 : vector<16xf32>
          %43 = math.fma %42, %37, %cst_9 : vector<16xf32>
          %44 = math.fma %43, %37, %cst_9 : vector<16xf32>
          %45 = arith.bitcast %34 : vector<16xf32> to vector<16xi32>
          %46 = arith.shli %45, %cst_16 : vector<16xi32>
          %47 = arith.bitcast %44 : vector<16xf32> to vector<16xi32>
          %48 = arith.addi %47, %46 : vector<16xi32>
          %49 = arith.bitcast %48 : vector<16xi32> to vector<16xf32>
          %50 = arith.cmpf olt, %33, %cst_15 : vector<16xf32>
          %51 = arith.select %50, %cst_7, %49 : vector<16xi1>, vector<16xf32>
          %52 = arith.cmpf uno, %33, %33 : vector<16xf32>
          %53 = arith.select %52, %33, %51 : vector<16xi1>, vector<16xf32>
          %54 = scf.for %arg14 = %c0_1 to %30 step %c1_2 iter_args(%arg15 = %cst_7) -> (vector<16xf32>) {
            %56 = vector.load %alloca_24[%arg14, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %57 = arith.subf %56, %31 : vector<16xf32>
            %58 = arith.mulf %57, %6 : vector<16xf32>
            %59 = math.fma %58, %cst_11, %cst_12 : vector<16xf32>
            %60 = arith.subf %59, %cst_12 : vector<16xf32>
            %61 = math.fma %60, %cst_13, %58 : vector<16xf32>
            %62 = math.fma %60, %cst_14, %61 : vector<16xf32>
            %63 = math.fma %cst_17, %62, %cst_18 : vector<16xf32>
            %64 = math.fma %63, %62, %cst_19 : vector<16xf32>
            %65 = math.fma %64, %62, %cst_20 : vector<16xf32>
            %66 = math.fma %65, %62, %cst_21 : vector<16xf32>
            %67 = math.fma %66, %62, %cst_22 : vector<16xf32>
            %68 = math.fma %67, %62, %cst_9 : vector<16xf32>
            %69 = math.fma %68, %62, %cst_9 : vector<16xf32>
            %70 = arith.bitcast %59 : vector<16xf32> to vector<16xi32>
            %71 = arith.shli %70, %cst_16 : vector<16xi32>
            %72 = arith.bitcast %69 : vector<16xf32> to vector<16xi32>
            %73 = arith.addi %72, %71 : vector<16xi32>
            %74 = arith.bitcast %73 : vector<16xi32> to vector<16xf32>
            %75 = arith.cmpf olt, %58, %cst_15 : vector<16xf32>
            %76 = arith.select %75, %cst_7, %74 : vector<16xi1>, vector<16xf32>
            %77 = arith.cmpf uno, %58, %58 : vector<16xf32>
            %78 = arith.select %77, %58, %76 : vector<16xi1>, vector<16xf32>
            vector.store %78, %alloca_24[%arg14, %c0_1] : memref<32x16xf32>, vector<16xf32>
            %79 = arith.addf %arg15, %78 : vector<16xf32>
            scf.yield %79 : vector<16xf32>
          }
          %55 = math.fma %arg13, %53, %54 : vector<16xf32>
          scf.for %arg14 = %c0_1 to %3 step %c8 {
            %c1_25 = arith.constant 1 : index
            %56 = arith.addi %arg14, %c1_25 : index
            %c2_26 = arith.constant 2 : index
            %57 = arith.addi %arg14, %c2_26 : index
            %c3 = arith.constant 3 : index
            %58 = arith.addi %arg14, %c3 : index
            %c4_27 = arith.constant 4 : index
            %59 = arith.addi %arg14, %c4_27 : index
            %c5 = arith.constant 5 : index
            %60 = arith.addi %arg14, %c5 : index
            %c6 = arith.constant 6 : index
            %61 = arith.addi %arg14, %c6 : index
            %c7 = arith.constant 7 : index
            %62 = arith.addi %arg14, %c7 : index
            %63:8 = scf.for %arg15 = %c0_1 to %30 step %c1_2 iter_args(%arg16 = %cst_7, %arg17 = %cst_7, %arg18 = %cst_7, %arg19 = %cst_7, %arg20 = %cst_7, %arg21 = %cst_7, %arg22 = %cst_7, %arg23 = %cst_7) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
              %80 = vector.load %alloca_24[%arg15, %c0_1] : memref<32x16xf32>, vector<16xf32>
              %81 = arith.addi %arg11, %arg15 : index
              %extracted = tensor.extract %14[%workgroup_id_2, %81, %15, %arg14] : tensor<?x?x?x?xf32>
              %82 = vector.broadcast %extracted : f32 to vector<16xf32>
              %83 = math.fma %82, %80, %arg16 : vector<16xf32>
              %extracted_28 = tensor.extract %14[%workgroup_id_2, %81, %15, %56] : tensor<?x?x?x?xf32>
              %84 = vector.broadcast %extracted_28 : f32 to vector<16xf32>
              %85 = math.fma %84, %80, %arg17 : vector<16xf32>
              %extracted_29 = tensor.extract %14[%workgroup_id_2, %81, %15, %57] : tensor<?x?x?x?xf32>
              %86 = vector.broadcast %extracted_29 : f32 to vector<16xf32>
              %87 = math.fma %86, %80, %arg18 : vector<16xf32>
              %extracted_30 = tensor.extract %14[%workgroup_id_2, %81, %15, %58] : tensor<?x?x?x?xf32>
              %88 = vector.broadcast %extracted_30 : f32 to vector<16xf32>
              %89 = math.fma %88, %80, %arg19 : vector<16xf32>
              %extracted_31 = tensor.extract %14[%workgroup_id_2, %81, %15, %59] : tensor<?x?x?x?xf32>
              %90 = vector.broadcast %extracted_31 : f32 to vector<16xf32>
              %91 = math.fma %90, %80, %arg20 : vector<16xf32>
              %extracted_32 = tensor.extract %14[%workgroup_id_2, %81, %15, %60] : tensor<?x?x?x?xf32>
              %92 = vector.broadcast %extracted_32 : f32 to vector<16xf32>
              %93 = math.fma %92, %80, %arg21 : vector<16xf32>
              %extracted_33 = tensor.extract %14[%workgroup_id_2, %81, %15, %61] : tensor<?x?x?x?xf32>
              %94 = vector.broadcast %extracted_33 : f32 to vector<16xf32>
              %95 = math.fma %94, %80, %arg22 : vector<16xf32>
              %extracted_34 = tensor.extract %14[%workgroup_id_2, %81, %15, %62] : tensor<?x?x?x?xf32>
              %96 = vector.broadcast %extracted_34 : f32 to vector<16xf32>
              %97 = math.fma %96, %80, %arg23 : vector<16xf32>
              scf.yield %83, %85, %87, %89, %91, %93, %95, %97 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
            }
            %64 = vector.load %alloca_23[%arg14, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %65 = math.fma %64, %53, %63#0 : vector<16xf32>
            vector.store %65, %alloca_23[%arg14, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %66 = vector.load %alloca_23[%56, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %67 = math.fma %66, %53, %63#1 : vector<16xf32>
            vector.store %67, %alloca_23[%56, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %68 = vector.load %alloca_23[%57, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %69 = math.fma %68, %53, %63#2 : vector<16xf32>
            vector.store %69, %alloca_23[%57, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %70 = vector.load %alloca_23[%58, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %71 = math.fma %70, %53, %63#3 : vector<16xf32>
            vector.store %71, %alloca_23[%58, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %72 = vector.load %alloca_23[%59, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %73 = math.fma %72, %53, %63#4 : vector<16xf32>
            vector.store %73, %alloca_23[%59, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %74 = vector.load %alloca_23[%60, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %75 = math.fma %74, %53, %63#5 : vector<16xf32>
            vector.store %75, %alloca_23[%60, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %76 = vector.load %alloca_23[%61, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %77 = math.fma %76, %53, %63#6 : vector<16xf32>
            vector.store %77, %alloca_23[%61, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %78 = vector.load %alloca_23[%62, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %79 = math.fma %78, %53, %63#7 : vector<16xf32>
            vector.store %79, %alloca_23[%62, %c0_1] : memref<48x16xf32>, vector<16xf32>
          }
          scf.for %arg14 = %3 to %c48 step %c1_2 {
            %56 = scf.for %arg15 = %c0_1 to %30 step %c1_2 iter_args(%arg16 = %cst_7) -> (vector<16xf32>) {
              %59 = vector.load %alloca_24[%arg15, %c0_1] : memref<32x16xf32>, vector<16xf32>
              %60 = arith.addi %arg11, %arg15 : index
              %extracted = tensor.extract %14[%workgroup_id_2, %60, %15, %arg14] : tensor<?x?x?x?xf32>
              %61 = vector.broadcast %extracted : f32 to vector<16xf32>
              %62 = math.fma %61, %59, %arg16 : vector<16xf32>
              scf.yield %62 : vector<16xf32>
            }
            %57 = vector.load %alloca_23[%arg14, %c0_1] : memref<48x16xf32>, vector<16xf32>
            %58 = math.fma %57, %53, %56 : vector<16xf32>
            vector.store %58, %alloca_23[%arg14, %c0_1] : memref<48x16xf32>, vector<16xf32>
          }
          scf.yield %31, %55 : vector<16xf32>, vector<16xf32>
        }
        scf.for %arg11 = %c0_1 to %c48 step %c1_2 {
          %29 = vector.load %alloca_23[%arg11, %c0_1] : memref<48x16xf32>, vector<16xf32>
          %30 = arith.divf %29, %26#1 : vector<16xf32>
          vector.store %30, %alloca_23[%arg11, %c0_1] : memref<48x16xf32>, vector<16xf32>
        }
        %27 = arith.subi %arg9, %16 : index
        %28 = scf.for %arg11 = %c0_1 to %24 step %c1_2 iter_args(%arg12 = %arg10) -> (tensor<?x?x?x?xf32>) {
          %29 = arith.addi %27, %arg11 : index
          %30 = scf.for %arg13 = %c0_1 to %c48 step %c1_2 iter_args(%arg14 = %arg12) -> (tensor<?x?x?x?xf32>) {
            %31 = memref.load %alloca_23[%arg13, %arg11] : memref<48x16xf32>
            %inserted = tensor.insert %31 into %arg14[%c0_1, %29, %c0_1, %arg13] : tensor<?x?x?x?xf32>
            scf.yield %inserted : tensor<?x?x?x?xf32>
          }
          scf.yield %30 : tensor<?x?x?x?xf32>
        }
        scf.yield %28 : tensor<?x?x?x?xf32>
      }
      iree_tensor_ext.dispatch.tensor.store %22, %11, offsets = [%workgroup_id_2, %16, %workgroup_id_1, %c0_1], sizes = [%c1_2, %18, %c1_2, %c48], strides = [1, 1, 1, 1] : tensor<?x?x?x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x?x4x48xf32>>{%arg6, %arg7}
      flow.return
    } count(%arg3: index, %arg4: index, %arg5: index) -> (index, index, index) {
      flow.return %arg3, %arg4, %arg5 : index, index, index
    }
    util.return %1 : tensor<?x?x4x48xf32>
  }
}

#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>
#translation = #iree_codegen.translation_info<pipeline = #iree_gpu.spirv_pipeline<BaseLowering> workgroup_size = [128, 1, 1]>
module {
  func.func public @main(%arg0: tensor<?x72xf32>, %arg1: tensor<72xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}, %arg3: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x36xf32>, tensor<?xf32>) {
    %0:2 = util.call @rows_54256dedb1e80752(%arg0, %arg1) : (tensor<?x72xf32>, tensor<72xf32>) -> (tensor<?x36xf32>, tensor<?x1xf32>)
    %collapsed = tensor.collapse_shape %0#1 [[0, 1]] : tensor<?x1xf32> into tensor<?xf32>
    return %0#0, %collapsed : tensor<?x36xf32>, tensor<?xf32>
  }
  hal.executable.source private @rows_54256dedb1e80752_rows {
    hal.executable.export public @rows_54256dedb1e80752 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c1_0 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %0 = arith.muli %arg1, %c1_0 : index
      %1 = arith.ceildivui %0, %c4 : index
      %c65535 = arith.constant 65535 : index
      %2 = arith.minui %1, %c65535 : index
      %3 = arith.ceildivui %1, %c65535 : index
      hal.return %2, %3, %c1 : index, index, index
    } attributes {ir_runtime.read = 2 : i64, ir_runtime.written_over = array<i64>}
    builtin.module {
      func.func @rows_54256dedb1e80752() attributes {translation_info = #translation} {
        %alloc = memref.alloc() : memref<128xf32, #gpu.address_space<workgroup>>
        %0 = hal.interface.constant.load layout(#pipeline_layout) ordinal(0) : i32
        %1 = arith.index_castui %0 : i32 to index
        %thread_id_x = gpu.thread_id x
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %workgroup_id_y = hal.interface.workgroup.id[1] : index
        %c65535 = arith.constant 65535 : index
        %2 = arith.muli %workgroup_id_y, %c65535 : index
        %3 = arith.addi %2, %workgroup_id_x : index
        %c32 = arith.constant 32 : index
        %c4 = arith.constant 4 : index
        %4 = arith.muli %3, %c4 : index
        %5 = arith.cmpi ult, %4, %1 : index
        %6 = arith.divui %thread_id_x, %c32 : index
        %7 = arith.remui %thread_id_x, %c32 : index
        %8 = arith.addi %4, %6 : index
        %9 = arith.cmpi ult, %8, %1 : index
        %c1 = arith.constant 1 : index
        %10 = arith.subi %1, %c1 : index
        %11 = arith.minui %8, %10 : index
        %c0 = arith.constant 0 : index
        %12 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x72xf32>{%1}
        %13 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<72xf32>
        %14 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?x36xf32>{%1}
        %15 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x1xf32>{%1}
        scf.if %5 {
          %16 = arith.muli %7, %c4 : index
          %c68 = arith.constant 68 : index
          %17 = arith.minui %16, %c68 : index
          %cst = arith.constant 0.000000e+00 : f32
          %18 = vector.transfer_read %12[%11, %17], %cst {in_bounds = [true]} : memref<?x72xf32>, vector<4xf32>
          %c72 = arith.constant 72 : index
          %19 = arith.cmpi ult, %16, %c72 : index
          %cst_0 = arith.constant dense<0.000000e+00> : vector<4xf32>
          %20 = arith.select %19, %18, %cst_0 : vector<4xf32>
          %21 = vector.extract %20[0] : f32 from vector<4xf32>
          %22 = vector.extract %20[1] : f32 from vector<4xf32>
          %23 = vector.extract %20[2] : f32 from vector<4xf32>
          %24 = vector.extract %20[3] : f32 from vector<4xf32>
          %25 = arith.addf %21, %23 : f32
          %26 = arith.addf %22, %24 : f32
          %27 = arith.addf %25, %26 : f32
          %28 = arith.xori %thread_id_x, %c1 : index
          memref.store %27, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %29 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %30 = arith.addf %27, %29 : f32
          %c2 = arith.constant 2 : index
          %31 = arith.xori %thread_id_x, %c2 : index
          memref.store %30, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %32 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %33 = arith.addf %30, %32 : f32
          %34 = arith.xori %thread_id_x, %c4 : index
          memref.store %33, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %35 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %36 = arith.addf %33, %35 : f32
          %c8 = arith.constant 8 : index
          %37 = arith.xori %thread_id_x, %c8 : index
          memref.store %36, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %38 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %39 = arith.addf %36, %38 : f32
          %c16 = arith.constant 16 : index
          %40 = arith.xori %thread_id_x, %c16 : index
          memref.store %39, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %41 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %42 = arith.addf %39, %41 : f32
          %cst_1 = arith.constant 7.200000e+01 : f32
          %43 = arith.divf %42, %cst_1 : f32
          %44 = vector.broadcast %43 : f32 to vector<4xf32>
          %45 = arith.subf %18, %44 : vector<4xf32>
          %46 = arith.select %19, %45, %cst_0 : vector<4xf32>
          %47 = vector.extract %46[0] : f32 from vector<4xf32>
          %48 = vector.extract %46[1] : f32 from vector<4xf32>
          %49 = vector.extract %46[2] : f32 from vector<4xf32>
          %50 = vector.extract %46[3] : f32 from vector<4xf32>
          %51 = arith.addf %47, %49 : f32
          %52 = arith.addf %48, %50 : f32
          %53 = arith.addf %51, %52 : f32
          memref.store %53, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %54 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %55 = arith.addf %53, %54 : f32
          memref.store %55, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %56 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %57 = arith.addf %55, %56 : f32
          memref.store %57, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %58 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %59 = arith.addf %57, %58 : f32
          memref.store %59, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %60 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %61 = arith.addf %59, %60 : f32
          memref.store %61, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %62 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %63 = arith.addf %61, %62 : f32
          %64 = arith.divf %63, %cst_1 : f32
          %65 = vector.broadcast %64 : f32 to vector<4xf32>
          %66 = arith.subf %45, %65 : vector<4xf32>
          %67 = arith.mulf %66, %66 : vector<4xf32>
          %68 = arith.select %19, %67, %cst_0 : vector<4xf32>
          %69 = vector.extract %68[0] : f32 from vector<4xf32>
          %70 = vector.extract %68[1] : f32 from vector<4xf32>
          %71 = vector.extract %68[2] : f32 from vector<4xf32>
          %72 = vector.extract %68[3] : f32 from vector<4xf32>
          %73 = arith.addf %69, %71 : f32
          %74 = arith.addf %70, %72 : f32
          %75 = arith.addf %73, %74 : f32
          memref.store %75, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %76 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %77 = arith.addf %75, %76 : f32
          memref.store %77, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %78 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %79 = arith.addf %77, %78 : f32
          memref.store %79, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %80 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %81 = arith.addf %79, %80 : f32
          memref.store %81, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %82 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %83 = arith.addf %81, %82 : f32
          memref.store %83, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %84 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %85 = arith.addf %83, %84 : f32
          %86 = arith.divf %85, %cst_1 : f32
          %cst_2 = arith.constant 9.99999997E-7 : f32
          %87 = arith.addf %86, %cst_2 : f32
          %88 = vector.broadcast %87 : f32 to vector<1xf32>
          %cst_3 = arith.constant dense<1.000000e+00> : vector<1xf32>
          %89 = math.sqrt %88 : vector<1xf32>
          %90 = arith.divf %cst_3, %89 : vector<1xf32>
          %91 = vector.extract %90[0] : f32 from vector<1xf32>
          %92 = vector.broadcast %91 : f32 to vector<4xf32>
          %93 = arith.mulf %66, %92 : vector<4xf32>
          %94 = vector.transfer_read %13[%17], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %95 = arith.mulf %93, %94 : vector<4xf32>
          %cst_4 = arith.constant dense<0xFF800000> : vector<4xf32>
          %96 = arith.select %19, %95, %cst_4 : vector<4xf32>
          %97 = vector.extract %96[0] : f32 from vector<4xf32>
          %98 = vector.extract %96[1] : f32 from vector<4xf32>
          %99 = vector.extract %96[2] : f32 from vector<4xf32>
          %100 = vector.extract %96[3] : f32 from vector<4xf32>
          %101 = arith.cmpf ogt, %99, %97 : f32
          %102 = arith.select %101, %99, %97 : f32
          %103 = arith.cmpf ogt, %100, %98 : f32
          %104 = arith.select %103, %100, %98 : f32
          %105 = arith.cmpf ogt, %104, %102 : f32
          %106 = arith.select %105, %104, %102 : f32
          memref.store %106, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %107 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %108 = arith.cmpf ogt, %107, %106 : f32
          %109 = arith.select %108, %107, %106 : f32
          memref.store %109, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %110 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %111 = arith.cmpf ogt, %110, %109 : f32
          %112 = arith.select %111, %110, %109 : f32
          memref.store %112, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %113 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %114 = arith.cmpf ogt, %113, %112 : f32
          %115 = arith.select %114, %113, %112 : f32
          memref.store %115, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %116 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %117 = arith.cmpf ogt, %116, %115 : f32
          %118 = arith.select %117, %116, %115 : f32
          memref.store %118, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %119 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %120 = arith.cmpf ogt, %119, %118 : f32
          %121 = arith.select %120, %119, %118 : f32
          %122 = vector.broadcast %121 : f32 to vector<4xf32>
          %123 = arith.subf %95, %122 : vector<4xf32>
          %cst_5 = arith.constant dense<-1.040000e+02> : vector<4xf32>
          %cst_6 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_7 = arith.constant dense<0x4B4000BF> : vector<4xf32>
          %cst_8 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_9 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_10 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_11 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_12 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_13 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_14 = arith.constant dense<0.499999851> : vector<4xf32>
          %cst_15 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_16 = arith.constant dense<23> : vector<4xi32>
          %cst_17 = arith.constant dense<5.42101086E-20> : vector<4xf32>
          %124 = arith.cmpf olt, %123, %cst_5 : vector<4xf32>
          %125 = arith.select %124, %cst_5, %123 : vector<4xi1>, vector<4xf32>
          %126 = arith.mulf %125, %cst_6 : vector<4xf32>
          %127 = math.roundeven %126 : vector<4xf32>
          %128 = arith.addf %127, %cst_7 : vector<4xf32>
          %129 = arith.subf %128, %cst_7 : vector<4xf32>
          %130 = math.fma %129, %cst_8, %125 : vector<4xf32>
          %131 = math.fma %129, %cst_9, %130 : vector<4xf32>
          %132 = math.fma %cst_10, %131, %cst_11 : vector<4xf32>
          %133 = math.fma %132, %131, %cst_12 : vector<4xf32>
          %134 = math.fma %133, %131, %cst_13 : vector<4xf32>
          %135 = math.fma %134, %131, %cst_14 : vector<4xf32>
          %136 = math.fma %135, %131, %cst_15 : vector<4xf32>
          %137 = math.fma %136, %131, %cst_15 : vector<4xf32>
          %138 = arith.bitcast %128 : vector<4xf32> to vector<4xi32>
          %139 = arith.shli %138, %cst_16 : vector<4xi32>
          %140 = arith.bitcast %139 : vector<4xi32> to vector<4xf32>
          %141 = arith.mulf %140, %cst_17 : vector<4xf32>
          %142 = arith.mulf %137, %141 : vector<4xf32>
          %143 = arith.select %19, %142, %cst_0 : vector<4xf32>
          %144 = vector.extract %143[0] : f32 from vector<4xf32>
          %145 = vector.extract %143[1] : f32 from vector<4xf32>
          %146 = vector.extract %143[2] : f32 from vector<4xf32>
          %147 = vector.extract %143[3] : f32 from vector<4xf32>
          %148 = arith.addf %144, %146 : f32
          %149 = arith.addf %145, %147 : f32
          %150 = arith.addf %148, %149 : f32
          memref.store %150, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %151 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %152 = arith.addf %150, %151 : f32
          memref.store %152, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %153 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %154 = arith.addf %152, %153 : f32
          memref.store %154, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %155 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %156 = arith.addf %154, %155 : f32
          memref.store %156, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %157 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %158 = arith.addf %156, %157 : f32
          memref.store %158, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %159 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %160 = arith.addf %158, %159 : f32
          %161 = math.absf %95 : vector<4xf32>
          %162 = arith.select %19, %161, %cst_4 : vector<4xf32>
          %163 = vector.extract %162[0] : f32 from vector<4xf32>
          %164 = vector.extract %162[1] : f32 from vector<4xf32>
          %165 = vector.extract %162[2] : f32 from vector<4xf32>
          %166 = vector.extract %162[3] : f32 from vector<4xf32>
          %167 = arith.cmpf ogt, %165, %163 : f32
          %168 = arith.select %167, %165, %163 : f32
          %169 = arith.cmpf uno, %165, %165 : f32
          %170 = arith.select %169, %165, %168 : f32
          %171 = arith.cmpf ogt, %166, %164 : f32
          %172 = arith.select %171, %166, %164 : f32
          %173 = arith.cmpf uno, %166, %166 : f32
          %174 = arith.select %173, %166, %172 : f32
          %175 = arith.cmpf ogt, %174, %170 : f32
          %176 = arith.select %175, %174, %170 : f32
          %177 = arith.cmpf uno, %174, %174 : f32
          %178 = arith.select %177, %174, %176 : f32
          memref.store %178, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %179 = memref.load %alloc[%28] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %180 = arith.cmpf ogt, %179, %178 : f32
          %181 = arith.select %180, %179, %178 : f32
          %182 = arith.cmpf uno, %179, %179 : f32
          %183 = arith.select %182, %179, %181 : f32
          memref.store %183, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %184 = memref.load %alloc[%31] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %185 = arith.cmpf ogt, %184, %183 : f32
          %186 = arith.select %185, %184, %183 : f32
          %187 = arith.cmpf uno, %184, %184 : f32
          %188 = arith.select %187, %184, %186 : f32
          memref.store %188, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %189 = memref.load %alloc[%34] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %190 = arith.cmpf ogt, %189, %188 : f32
          %191 = arith.select %190, %189, %188 : f32
          %192 = arith.cmpf uno, %189, %189 : f32
          %193 = arith.select %192, %189, %191 : f32
          memref.store %193, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %194 = memref.load %alloc[%37] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %195 = arith.cmpf ogt, %194, %193 : f32
          %196 = arith.select %195, %194, %193 : f32
          %197 = arith.cmpf uno, %194, %194 : f32
          %198 = arith.select %197, %194, %196 : f32
          memref.store %198, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %199 = memref.load %alloc[%40] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %200 = arith.cmpf ogt, %199, %198 : f32
          %201 = arith.select %200, %199, %198 : f32
          %202 = arith.cmpf uno, %199, %199 : f32
          %203 = arith.select %202, %199, %201 : f32
          %204 = arith.minui %16, %c32 : index
          %205 = vector.transfer_read %12[%11, %204], %cst {in_bounds = [true]} : memref<?x72xf32>, vector<4xf32>
          %206 = arith.subf %205, %44 : vector<4xf32>
          %207 = arith.mulf %206, %92 : vector<4xf32>
          %208 = vector.transfer_read %13[%204], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %209 = arith.mulf %207, %208 : vector<4xf32>
          %210 = arith.subf %209, %122 : vector<4xf32>
          %cst_18 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_19 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_20 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_21 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_22 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_23 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_24 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_25 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_26 = arith.constant dense<0.499999851> : vector<4xf32>
          %cst_27 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_28 = arith.constant dense<23> : vector<4xi32>
          %cst_29 = arith.constant dense<1262485506> : vector<4xi32>
          %cst_30 = arith.constant dense<251> : vector<4xi32>
          %cst_31 = arith.constant dense<-1.040000e+02> : vector<4xf32>
          %cst_32 = arith.constant dense<8.900000e+01> : vector<4xf32>
          %cst_33 = arith.constant dense<0.000000e+00> : vector<4xf32>
          %cst_34 = arith.constant dense<0x4B4000BF> : vector<4xf32>
          %cst_35 = arith.constant dense<0x4B40007E> : vector<4xf32>
          %cst_36 = arith.constant dense<5.42101086E-20> : vector<4xf32>
          %cst_37 = arith.constant dense<2.000000e+00> : vector<4xf32>
          %211 = arith.mulf %210, %cst_18 : vector<4xf32>
          %212 = math.roundeven %211 : vector<4xf32>
          %213 = arith.addf %212, %cst_19 : vector<4xf32>
          %214 = arith.subf %213, %cst_19 : vector<4xf32>
          %215 = math.fma %214, %cst_20, %210 : vector<4xf32>
          %216 = math.fma %214, %cst_21, %215 : vector<4xf32>
          %217 = math.fma %cst_22, %216, %cst_23 : vector<4xf32>
          %218 = math.fma %217, %216, %cst_24 : vector<4xf32>
          %219 = math.fma %218, %216, %cst_25 : vector<4xf32>
          %220 = math.fma %219, %216, %cst_26 : vector<4xf32>
          %221 = math.fma %220, %216, %cst_27 : vector<4xf32>
          %222 = math.fma %221, %216, %cst_27 : vector<4xf32>
          %223 = arith.bitcast %213 : vector<4xf32> to vector<4xi32>
          %224 = arith.shli %223, %cst_28 : vector<4xi32>
          %225 = arith.bitcast %224 : vector<4xi32> to vector<4xf32>
          %226 = arith.mulf %222, %225 : vector<4xf32>
          %227 = arith.bitcast %213 : vector<4xf32> to vector<4xi32>
          %228 = arith.subi %227, %cst_29 : vector<4xi32>
          %229 = arith.cmpi ugt, %228, %cst_30 : vector<4xi32>
          %230 = arith.cmpf olt, %210, %cst_31 : vector<4xf32>
          %231 = arith.select %230, %cst_31, %210 : vector<4xi1>, vector<4xf32>
          %232 = arith.cmpf ogt, %231, %cst_32 : vector<4xf32>
          %233 = arith.select %232, %cst_32, %231 : vector<4xi1>, vector<4xf32>
          %234 = arith.cmpf olt, %233, %cst_33 : vector<4xf32>
          %235 = arith.select %234, %cst_34, %cst_35 : vector<4xi1>, vector<4xf32>
          %236 = arith.mulf %233, %cst_18 : vector<4xf32>
          %237 = math.roundeven %236 : vector<4xf32>
          %238 = arith.addf %237, %235 : vector<4xf32>
          %239 = arith.subf %238, %235 : vector<4xf32>
          %240 = math.fma %239, %cst_20, %233 : vector<4xf32>
          %241 = math.fma %239, %cst_21, %240 : vector<4xf32>
          %242 = math.fma %cst_22, %241, %cst_23 : vector<4xf32>
          %243 = math.fma %242, %241, %cst_24 : vector<4xf32>
          %244 = math.fma %243, %241, %cst_25 : vector<4xf32>
          %245 = math.fma %244, %241, %cst_26 : vector<4xf32>
          %246 = math.fma %245, %241, %cst_27 : vector<4xf32>
          %247 = math.fma %246, %241, %cst_27 : vector<4xf32>
          %248 = arith.bitcast %238 : vector<4xf32> to vector<4xi32>
          %249 = arith.shli %248, %cst_28 : vector<4xi32>
          %250 = arith.bitcast %249 : vector<4xi32> to vector<4xf32>
          %251 = arith.mulf %247, %250 : vector<4xf32>
          %252 = arith.select %234, %cst_36, %cst_37 : vector<4xi1>, vector<4xf32>
          %253 = arith.mulf %251, %252 : vector<4xf32>
          %254 = arith.select %229, %253, %226 : vector<4xi1>, vector<4xf32>
          %cst_38 = arith.constant 1.000000e+00 : f32
          %255 = arith.divf %cst_38, %160 : f32
          %256 = vector.broadcast %255 : f32 to vector<4xf32>
          %257 = arith.mulf %254, %256 : vector<4xf32>
          %cst_39 = arith.constant dense<-8.800000e+01> : vector<4xf32>
          %cst_40 = arith.constant dense<8.900000e+01> : vector<4xf32>
          %cst_41 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_42 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_43 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_44 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_45 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_46 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_47 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_48 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_49 = arith.constant dense<0.499999851> : vector<4xf32>
          %cst_50 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_51 = arith.constant dense<23> : vector<4xi32>
          %258 = arith.negf %257 : vector<4xf32>
          %259 = arith.cmpf olt, %258, %cst_39 : vector<4xf32>
          %260 = arith.select %259, %cst_39, %258 : vector<4xi1>, vector<4xf32>
          %261 = arith.cmpf ogt, %260, %cst_40 : vector<4xf32>
          %262 = arith.select %261, %cst_40, %260 : vector<4xi1>, vector<4xf32>
          %263 = arith.mulf %262, %cst_41 : vector<4xf32>
          %264 = math.roundeven %263 : vector<4xf32>
          %265 = arith.addf %264, %cst_42 : vector<4xf32>
          %266 = arith.subf %265, %cst_42 : vector<4xf32>
          %267 = math.fma %266, %cst_43, %262 : vector<4xf32>
          %268 = math.fma %266, %cst_44, %267 : vector<4xf32>
          %269 = math.fma %cst_45, %268, %cst_46 : vector<4xf32>
          %270 = math.fma %269, %268, %cst_47 : vector<4xf32>
          %271 = math.fma %270, %268, %cst_48 : vector<4xf32>
          %272 = math.fma %271, %268, %cst_49 : vector<4xf32>
          %273 = math.fma %272, %268, %cst_50 : vector<4xf32>
          %274 = math.fma %273, %268, %cst_50 : vector<4xf32>
          %275 = arith.bitcast %265 : vector<4xf32> to vector<4xi32>
          %276 = arith.shli %275, %cst_51 : vector<4xi32>
          %277 = arith.bitcast %276 : vector<4xi32> to vector<4xf32>
          %278 = math.fma %274, %277, %cst_50 : vector<4xf32>
          %279 = arith.divf %257, %278 : vector<4xf32>
          %c36 = arith.constant 36 : index
          %280 = arith.addi %204, %c36 : index
          %281 = vector.transfer_read %12[%11, %280], %cst {in_bounds = [true]} : memref<?x72xf32>, vector<4xf32>
          %282 = arith.subf %281, %44 : vector<4xf32>
          %283 = arith.mulf %282, %92 : vector<4xf32>
          %284 = vector.transfer_read %13[%280], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %285 = arith.mulf %283, %284 : vector<4xf32>
          %286 = arith.subf %285, %122 : vector<4xf32>
          %cst_52 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_53 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_54 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_55 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_56 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_57 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_58 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_59 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_60 = arith.constant dense<0.499999851> : vector<4xf32>
          %cst_61 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_62 = arith.constant dense<23> : vector<4xi32>
          %cst_63 = arith.constant dense<1262485506> : vector<4xi32>
          %cst_64 = arith.constant dense<251> : vector<4xi32>
          %cst_65 = arith.constant dense<-1.040000e+02> : vector<4xf32>
          %cst_66 = arith.constant dense<8.900000e+01> : vector<4xf32>
          %cst_67 = arith.constant dense<0.000000e+00> : vector<4xf32>
          %cst_68 = arith.constant dense<0x4B4000BF> : vector<4xf32>
          %cst_69 = arith.constant dense<0x4B40007E> : vector<4xf32>
          %cst_70 = arith.constant dense<5.42101086E-20> : vector<4xf32>
          %cst_71 = arith.constant dense<2.000000e+00> : vector<4xf32>
          %287 = arith.mulf %286, %cst_52 : vector<4xf32>
          %288 = math.roundeven %287 : vector<4xf32>
          %289 = arith.addf %288, %cst_53 : vector<4xf32>
          %290 = arith.subf %289, %cst_53 : vector<4xf32>
          %291 = math.fma %290, %cst_54, %286 : vector<4xf32>
          %292 = math.fma %290, %cst_55, %291 : vector<4xf32>
          %293 = math.fma %cst_56, %292, %cst_57 : vector<4xf32>
          %294 = math.fma %293, %292, %cst_58 : vector<4xf32>
          %295 = math.fma %294, %292, %cst_59 : vector<4xf32>
          %296 = math.fma %295, %292, %cst_60 : vector<4xf32>
          %297 = math.fma %296, %292, %cst_61 : vector<4xf32>
          %298 = math.fma %297, %292, %cst_61 : vector<4xf32>
          %299 = arith.bitcast %289 : vector<4xf32> to vector<4xi32>
          %300 = arith.shli %299, %cst_62 : vector<4xi32>
          %301 = arith.bitcast %300 : vector<4xi32> to vector<4xf32>
          %302 = arith.mulf %298, %301 : vector<4xf32>
          %303 = arith.bitcast %289 : vector<4xf32> to vector<4xi32>
          %304 = arith.subi %303, %cst_63 : vector<4xi32>
          %305 = arith.cmpi ugt, %304, %cst_64 : vector<4xi32>
          %306 = arith.cmpf olt, %286, %cst_65 : vector<4xf32>
          %307 = arith.select %306, %cst_65, %286 : vector<4xi1>, vector<4xf32>
          %308 = arith.cmpf ogt, %307, %cst_66 : vector<4xf32>
          %309 = arith.select %308, %cst_66, %307 : vector<4xi1>, vector<4xf32>
          %310 = arith.cmpf olt, %309, %cst_67 : vector<4xf32>
          %311 = arith.select %310, %cst_68, %cst_69 : vector<4xi1>, vector<4xf32>
          %312 = arith.mulf %309, %cst_52 : vector<4xf32>
          %313 = math.roundeven %312 : vector<4xf32>
          %314 = arith.addf %313, %311 : vector<4xf32>
          %315 = arith.subf %314, %311 : vector<4xf32>
          %316 = math.fma %315, %cst_54, %309 : vector<4xf32>
          %317 = math.fma %315, %cst_55, %316 : vector<4xf32>
          %318 = math.fma %cst_56, %317, %cst_57 : vector<4xf32>
          %319 = math.fma %318, %317, %cst_58 : vector<4xf32>
          %320 = math.fma %319, %317, %cst_59 : vector<4xf32>
          %321 = math.fma %320, %317, %cst_60 : vector<4xf32>
          %322 = math.fma %321, %317, %cst_61 : vector<4xf32>
          %323 = math.fma %322, %317, %cst_61 : vector<4xf32>
          %324 = arith.bitcast %314 : vector<4xf32> to vector<4xi32>
          %325 = arith.shli %324, %cst_62 : vector<4xi32>
          %326 = arith.bitcast %325 : vector<4xi32> to vector<4xf32>
          %327 = arith.mulf %323, %326 : vector<4xf32>
          %328 = arith.select %310, %cst_70, %cst_71 : vector<4xi1>, vector<4xf32>
          %329 = arith.mulf %327, %328 : vector<4xf32>
          %330 = arith.select %305, %329, %302 : vector<4xi1>, vector<4xf32>
          %331 = arith.mulf %330, %256 : vector<4xf32>
          %cst_72 = arith.constant dense<7.87114259E-5> : vector<4xf32>
          %cst_73 = arith.constant dense<-8.02694703E-4> : vector<4xf32>
          %cst_74 = arith.constant dense<0.00519096665> : vector<4xf32>
          %cst_75 = arith.constant dense<-0.0268553682> : vector<4xf32>
          %cst_76 = arith.constant dense<0.112836227> : vector<4xf32>
          %cst_77 = arith.constant dense<-0.376126289> : vector<4xf32>
          %cst_78 = arith.constant dense<0.128379166> : vector<4xf32>
          %cst_79 = arith.constant dense<4.000000e+00> : vector<4xf32>
          %cst_80 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_81 = arith.constant dense<2.95196485E-4> : vector<4xf32>
          %cst_82 = arith.constant dense<-0.00273917476> : vector<4xf32>
          %cst_83 = arith.constant dense<0.0144086769> : vector<4xf32>
          %cst_84 = arith.constant dense<-0.0599509291> : vector<4xf32>
          %cst_85 = arith.constant dense<-1.21634519> : vector<4xf32>
          %cst_86 = arith.constant dense<-3.80722547> : vector<4xf32>
          %cst_87 = arith.constant dense<-2.66845703> : vector<4xf32>
          %cst_88 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_89 = arith.constant dense<4.03344675E-5> : vector<4xf32>
          %cst_90 = arith.constant dense<23> : vector<4xi32>
          %cst_91 = arith.constant dense<1.54628826E-4> : vector<4xf32>
          %cst_92 = arith.constant dense<0.00133909844> : vector<4xf32>
          %cst_93 = arith.constant dense<0.00961806252> : vector<4xf32>
          %cst_94 = arith.constant dense<0.0555035956> : vector<4xf32>
          %cst_95 = arith.constant dense<0.240226507> : vector<4xf32>
          %cst_96 = arith.constant dense<0.693147182> : vector<4xf32>
          %cst_97 = arith.constant dense<8.750000e-01> : vector<4xf32>
          %332 = math.absf %331 : vector<4xf32>
          %333 = arith.mulf %332, %332 : vector<4xf32>
          %334 = math.fma %cst_72, %333, %cst_73 : vector<4xf32>
          %335 = math.fma %334, %333, %cst_74 : vector<4xf32>
          %336 = math.fma %335, %333, %cst_75 : vector<4xf32>
          %337 = math.fma %336, %333, %cst_76 : vector<4xf32>
          %338 = math.fma %337, %333, %cst_77 : vector<4xf32>
          %339 = math.fma %338, %333, %cst_78 : vector<4xf32>
          %340 = math.fma %332, %339, %332 : vector<4xf32>
          %341 = arith.cmpf ogt, %332, %cst_79 : vector<4xf32>
          %342 = arith.select %341, %cst_79, %332 : vector<4xi1>, vector<4xf32>
          %343 = arith.subf %342, %cst_80 : vector<4xf32>
          %344 = math.fma %cst_81, %343, %cst_82 : vector<4xf32>
          %345 = math.fma %344, %343, %cst_83 : vector<4xf32>
          %346 = math.fma %345, %343, %cst_84 : vector<4xf32>
          %347 = math.fma %346, %343, %cst_85 : vector<4xf32>
          %348 = math.fma %347, %343, %cst_86 : vector<4xf32>
          %349 = math.fma %343, %348, %cst_87 : vector<4xf32>
          %350 = math.roundeven %349 : vector<4xf32>
          %351 = arith.addf %350, %cst_88 : vector<4xf32>
          %352 = arith.subf %351, %cst_88 : vector<4xf32>
          %353 = arith.subf %cst_87, %352 : vector<4xf32>
          %354 = math.fma %343, %348, %353 : vector<4xf32>
          %355 = arith.addf %354, %cst_89 : vector<4xf32>
          %356 = arith.bitcast %351 : vector<4xf32> to vector<4xi32>
          %357 = arith.shli %356, %cst_90 : vector<4xi32>
          %358 = arith.bitcast %357 : vector<4xi32> to vector<4xf32>
          %359 = arith.negf %358 : vector<4xf32>
          %360 = math.fma %cst_91, %355, %cst_92 : vector<4xf32>
          %361 = math.fma %360, %355, %cst_93 : vector<4xf32>
          %362 = math.fma %361, %355, %cst_94 : vector<4xf32>
          %363 = math.fma %362, %355, %cst_95 : vector<4xf32>
          %364 = math.fma %363, %355, %cst_96 : vector<4xf32>
          %365 = arith.mulf %355, %364 : vector<4xf32>
          %366 = arith.subf %cst_80, %358 : vector<4xf32>
          %367 = math.fma %359, %365, %366 : vector<4xf32>
          %368 = arith.cmpf olt, %332, %cst_97 : vector<4xf32>
          %369 = arith.select %368, %340, %367 : vector<4xi1>, vector<4xf32>
          %370 = math.copysign %369, %331 : vector<4xf32>
          %371 = arith.mulf %279, %370 : vector<4xf32>
          %372 = arith.cmpi ult, %16, %c36 : index
          %373 = arith.andi %372, %9 : i1
          %374 = arith.cmpi eq, %7, %c0 : index
          %375 = arith.andi %374, %9 : i1
          scf.if %373 {
            vector.transfer_write %371, %14[%11, %204] {in_bounds = [true]} : vector<4xf32>, memref<?x36xf32>
          }
          scf.if %375 {
            memref.store %203, %15[%11, %c0] : memref<?x1xf32>
          }
        }
        return
      }
    }
  }
  util.func private @rows_54256dedb1e80752(%arg0: tensor<?x72xf32>, %arg1: tensor<72xf32>) -> (tensor<?x36xf32>, tensor<?x1xf32>) {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x72xf32>
    %0 = arith.index_castui %dim : index to i32
    %1:2 = flow.dispatch @rows_54256dedb1e80752_rows::@rows_54256dedb1e80752[%dim](%0, %arg0, %arg1) : (i32, tensor<?x72xf32>{%dim}, tensor<72xf32>) -> (tensor<?x36xf32>{%dim}, tensor<?x1xf32>{%dim})
    util.return %1#0, %1#1 : tensor<?x36xf32>, tensor<?x1xf32>
  }
}

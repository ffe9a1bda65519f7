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
          %20 = vector.broadcast %19 : i1 to vector<4xi1>
          %21 = arith.select %20, %18, %cst_0 : vector<4xi1>, vector<4xf32>
          %22 = vector.extract %21[0] : f32 from vector<4xf32>
          %23 = vector.extract %21[1] : f32 from vector<4xf32>
          %24 = vector.extract %21[2] : f32 from vector<4xf32>
          %25 = vector.extract %21[3] : f32 from vector<4xf32>
          %26 = arith.addf %22, %24 : f32
          %27 = arith.addf %23, %25 : f32
          %28 = arith.addf %26, %27 : f32
          %29 = arith.xori %thread_id_x, %c1 : index
          memref.store %28, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %30 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %31 = arith.addf %28, %30 : f32
          %c2 = arith.constant 2 : index
          %32 = arith.xori %thread_id_x, %c2 : index
          memref.store %31, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %33 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %34 = arith.addf %31, %33 : f32
          %35 = arith.xori %thread_id_x, %c4 : index
          memref.store %34, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %36 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %37 = arith.addf %34, %36 : f32
          %c8 = arith.constant 8 : index
          %38 = arith.xori %thread_id_x, %c8 : index
          memref.store %37, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %39 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %40 = arith.addf %37, %39 : f32
          %c16 = arith.constant 16 : index
          %41 = arith.xori %thread_id_x, %c16 : index
          memref.store %40, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %42 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %43 = arith.addf %40, %42 : f32
          %cst_1 = arith.constant 7.200000e+01 : f32
          %44 = arith.divf %43, %cst_1 : f32
          %45 = vector.broadcast %44 : f32 to vector<4xf32>
          %46 = arith.subf %18, %45 : vector<4xf32>
          %47 = vector.broadcast %19 : i1 to vector<4xi1>
          %48 = arith.select %47, %46, %cst_0 : vector<4xi1>, vector<4xf32>
          %49 = vector.extract %48[0] : f32 from vector<4xf32>
          %50 = vector.extract %48[1] : f32 from vector<4xf32>
          %51 = vector.extract %48[2] : f32 from vector<4xf32>
          %52 = vector.extract %48[3] : f32 from vector<4xf32>
          %53 = arith.addf %49, %51 : f32
          %54 = arith.addf %50, %52 : f32
          %55 = arith.addf %53, %54 : f32
          memref.store %55, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %56 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %57 = arith.addf %55, %56 : f32
          memref.store %57, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %58 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %59 = arith.addf %57, %58 : f32
          memref.store %59, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %60 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %61 = arith.addf %59, %60 : f32
          memref.store %61, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %62 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %63 = arith.addf %61, %62 : f32
          memref.store %63, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %64 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %65 = arith.addf %63, %64 : f32
          %66 = arith.divf %65, %cst_1 : f32
          %67 = vector.broadcast %66 : f32 to vector<4xf32>
          %68 = arith.subf %46, %67 : vector<4xf32>
          %69 = arith.mulf %68, %68 : vector<4xf32>
          %70 = vector.broadcast %19 : i1 to vector<4xi1>
          %71 = arith.select %70, %69, %cst_0 : vector<4xi1>, vector<4xf32>
          %72 = vector.extract %71[0] : f32 from vector<4xf32>
          %73 = vector.extract %71[1] : f32 from vector<4xf32>
          %74 = vector.extract %71[2] : f32 from vector<4xf32>
          %75 = vector.extract %71[3] : f32 from vector<4xf32>
          %76 = arith.addf %72, %74 : f32
          %77 = arith.addf %73, %75 : f32
          %78 = arith.addf %76, %77 : f32
          memref.store %78, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %79 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %80 = arith.addf %78, %79 : f32
          memref.store %80, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %81 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %82 = arith.addf %80, %81 : f32
          memref.store %82, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %83 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %84 = arith.addf %82, %83 : f32
          memref.store %84, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %85 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %86 = arith.addf %84, %85 : f32
          memref.store %86, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %87 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %88 = arith.addf %86, %87 : f32
          %89 = arith.divf %88, %cst_1 : f32
          %cst_2 = arith.constant 9.99999997E-7 : f32
          %90 = arith.addf %89, %cst_2 : f32
          %91 = vector.broadcast %90 : f32 to vector<1xf32>
          %cst_3 = arith.constant dense<1.000000e+00> : vector<1xf32>
          %92 = math.sqrt %91 : vector<1xf32>
          %93 = arith.divf %cst_3, %92 : vector<1xf32>
          %94 = vector.extract %93[0] : f32 from vector<1xf32>
          %95 = vector.broadcast %94 : f32 to vector<4xf32>
          %96 = arith.mulf %68, %95 : vector<4xf32>
          %97 = vector.transfer_read %13[%17], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %98 = arith.mulf %96, %97 : vector<4xf32>
          %cst_4 = arith.constant dense<0xFF800000> : vector<4xf32>
          %99 = vector.broadcast %19 : i1 to vector<4xi1>
          %100 = arith.select %99, %98, %cst_4 : vector<4xi1>, vector<4xf32>
          %101 = vector.extract %100[0] : f32 from vector<4xf32>
          %102 = vector.extract %100[1] : f32 from vector<4xf32>
          %103 = vector.extract %100[2] : f32 from vector<4xf32>
          %104 = vector.extract %100[3] : f32 from vector<4xf32>
          %105 = arith.cmpf ogt, %103, %101 : f32
          %106 = arith.select %105, %103, %101 : f32
          %107 = arith.cmpf ogt, %104, %102 : f32
          %108 = arith.select %107, %104, %102 : f32
          %109 = arith.cmpf ogt, %108, %106 : f32
          %110 = arith.select %109, %108, %106 : f32
          memref.store %110, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %111 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %112 = arith.cmpf ogt, %111, %110 : f32
          %113 = arith.select %112, %111, %110 : f32
          memref.store %113, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %114 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %115 = arith.cmpf ogt, %114, %113 : f32
          %116 = arith.select %115, %114, %113 : f32
          memref.store %116, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %117 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %118 = arith.cmpf ogt, %117, %116 : f32
          %119 = arith.select %118, %117, %116 : f32
          memref.store %119, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %120 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %121 = arith.cmpf ogt, %120, %119 : f32
          %122 = arith.select %121, %120, %119 : f32
          memref.store %122, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %123 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %124 = arith.cmpf ogt, %123, %122 : f32
          %125 = arith.select %124, %123, %122 : f32
          %126 = vector.broadcast %125 : f32 to vector<4xf32>
          %127 = arith.subf %98, %126 : vector<4xf32>
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
          %128 = arith.cmpf olt, %127, %cst_5 : vector<4xf32>
          %129 = arith.select %128, %cst_5, %127 : vector<4xi1>, vector<4xf32>
          %130 = arith.mulf %129, %cst_6 : vector<4xf32>
          %131 = math.roundeven %130 : vector<4xf32>
          %132 = arith.addf %131, %cst_7 : vector<4xf32>
          %133 = arith.subf %132, %cst_7 : vector<4xf32>
          %134 = math.fma %133, %cst_8, %129 : vector<4xf32>
          %135 = math.fma %133, %cst_9, %134 : vector<4xf32>
          %136 = math.fma %cst_10, %135, %cst_11 : vector<4xf32>
          %137 = math.fma %136, %135, %cst_12 : vector<4xf32>
          %138 = math.fma %137, %135, %cst_13 : vector<4xf32>
          %139 = math.fma %138, %135, %cst_14 : vector<4xf32>
          %140 = math.fma %139, %135, %cst_15 : vector<4xf32>
          %141 = math.fma %140, %135, %cst_15 : vector<4xf32>
          %142 = arith.bitcast %132 : vector<4xf32> to vector<4xi32>
          %143 = arith.shli %142, %cst_16 : vector<4xi32>
          %144 = arith.bitcast %143 : vector<4xi32> to vector<4xf32>
          %145 = arith.mulf %144, %cst_17 : vector<4xf32>
          %146 = arith.mulf %141, %145 : vector<4xf32>
          %147 = vector.broadcast %19 : i1 to vector<4xi1>
          %148 = arith.select %147, %146, %cst_0 : vector<4xi1>, vector<4xf32>
          %149 = vector.extract %148[0] : f32 from vector<4xf32>
          %150 = vector.extract %148[1] : f32 from vector<4xf32>
          %151 = vector.extract %148[2] : f32 from vector<4xf32>
          %152 = vector.extract %148[3] : f32 from vector<4xf32>
          %153 = arith.addf %149, %151 : f32
          %154 = arith.addf %150, %152 : f32
          %155 = arith.addf %153, %154 : f32
          memref.store %155, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %156 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %157 = arith.addf %155, %156 : f32
          memref.store %157, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %158 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %159 = arith.addf %157, %158 : f32
          memref.store %159, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %160 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %161 = arith.addf %159, %160 : f32
          memref.store %161, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %162 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %163 = arith.addf %161, %162 : f32
          memref.store %163, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %164 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %165 = arith.addf %163, %164 : f32
          %166 = math.absf %98 : vector<4xf32>
          %167 = vector.broadcast %19 : i1 to vector<4xi1>
          %168 = arith.select %167, %166, %cst_4 : vector<4xi1>, vector<4xf32>
          %169 = vector.extract %168[0] : f32 from vector<4xf32>
          %170 = vector.extract %168[1] : f32 from vector<4xf32>
          %171 = vector.extract %168[2] : f32 from vector<4xf32>
          %172 = vector.extract %168[3] : f32 from vector<4xf32>
          %173 = arith.cmpf ogt, %171, %169 : f32
          %174 = arith.select %173, %171, %169 : f32
          %175 = arith.cmpf uno, %171, %171 : f32
          %176 = arith.select %175, %171, %174 : f32
          %177 = arith.cmpf ogt, %172, %170 : f32
          %178 = arith.select %177, %172, %170 : f32
          %179 = arith.cmpf uno, %172, %172 : f32
          %180 = arith.select %179, %172, %178 : f32
          %181 = arith.cmpf ogt, %180, %176 : f32
          %182 = arith.select %181, %180, %176 : f32
          %183 = arith.cmpf uno, %180, %180 : f32
          %184 = arith.select %183, %180, %182 : f32
          memref.store %184, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %185 = memref.load %alloc[%29] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %186 = arith.cmpf ogt, %185, %184 : f32
          %187 = arith.select %186, %185, %184 : f32
          %188 = arith.cmpf uno, %185, %185 : f32
          %189 = arith.select %188, %185, %187 : f32
          memref.store %189, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %190 = memref.load %alloc[%32] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %191 = arith.cmpf ogt, %190, %189 : f32
          %192 = arith.select %191, %190, %189 : f32
          %193 = arith.cmpf uno, %190, %190 : f32
          %194 = arith.select %193, %190, %192 : f32
          memref.store %194, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %195 = memref.load %alloc[%35] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %196 = arith.cmpf ogt, %195, %194 : f32
          %197 = arith.select %196, %195, %194 : f32
          %198 = arith.cmpf uno, %195, %195 : f32
          %199 = arith.select %198, %195, %197 : f32
          memref.store %199, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %200 = memref.load %alloc[%38] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %201 = arith.cmpf ogt, %200, %199 : f32
          %202 = arith.select %201, %200, %199 : f32
          %203 = arith.cmpf uno, %200, %200 : f32
          %204 = arith.select %203, %200, %202 : f32
          memref.store %204, %alloc[%thread_id_x] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %205 = memref.load %alloc[%41] : memref<128xf32, #gpu.address_space<workgroup>>
          gpu.barrier
          %206 = arith.cmpf ogt, %205, %204 : f32
          %207 = arith.select %206, %205, %204 : f32
          %208 = arith.cmpf uno, %205, %205 : f32
          %209 = arith.select %208, %205, %207 : f32
          %210 = arith.minui %16, %c32 : index
          %211 = vector.transfer_read %12[%11, %210], %cst {in_bounds = [true]} : memref<?x72xf32>, vector<4xf32>
          %212 = arith.subf %211, %45 : vector<4xf32>
          %213 = arith.mulf %212, %95 : vector<4xf32>
          %214 = vector.transfer_read %13[%210], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %215 = arith.mulf %213, %214 : vector<4xf32>
          %216 = arith.subf %215, %126 : vector<4xf32>
          %cst_18 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_19 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_20 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_21 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_22 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_23 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_24 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_25 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_26 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_27 = arith.constant dense<0.499999851> : vector<4xf32>
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
          %217 = arith.mulf %216, %cst_18 : vector<4xf32>
          %218 = math.roundeven %217 : vector<4xf32>
          %219 = arith.addf %218, %cst_19 : vector<4xf32>
          %220 = arith.subf %219, %cst_19 : vector<4xf32>
          %221 = math.fma %220, %cst_20, %216 : vector<4xf32>
          %222 = math.fma %220, %cst_21, %221 : vector<4xf32>
          %223 = arith.addf %222, %cst_22 : vector<4xf32>
          %224 = arith.subf %223, %cst_22 : vector<4xf32>
          %225 = arith.subf %222, %224 : vector<4xf32>
          %226 = arith.mulf %222, %222 : vector<4xf32>
          %227 = math.fma %cst_23, %222, %cst_24 : vector<4xf32>
          %228 = math.fma %227, %222, %cst_25 : vector<4xf32>
          %229 = math.fma %228, %222, %cst_26 : vector<4xf32>
          %230 = math.fma %229, %222, %cst_27 : vector<4xf32>
          %231 = math.fma %226, %230, %225 : vector<4xf32>
          %232 = arith.addf %223, %231 : vector<4xf32>
          %233 = arith.bitcast %219 : vector<4xf32> to vector<4xi32>
          %234 = arith.shli %233, %cst_28 : vector<4xi32>
          %235 = arith.bitcast %234 : vector<4xi32> to vector<4xf32>
          %236 = arith.mulf %232, %235 : vector<4xf32>
          %237 = arith.bitcast %219 : vector<4xf32> to vector<4xi32>
          %238 = arith.subi %237, %cst_29 : vector<4xi32>
          %239 = arith.cmpi ugt, %238, %cst_30 : vector<4xi32>
          %240 = arith.cmpf olt, %216, %cst_31 : vector<4xf32>
          %241 = arith.select %240, %cst_31, %216 : vector<4xi1>, vector<4xf32>
          %242 = arith.cmpf ogt, %241, %cst_32 : vector<4xf32>
          %243 = arith.select %242, %cst_32, %241 : vector<4xi1>, vector<4xf32>
          %244 = arith.cmpf olt, %243, %cst_33 : vector<4xf32>
          %245 = arith.select %244, %cst_34, %cst_35 : vector<4xi1>, vector<4xf32>
          %246 = arith.mulf %243, %cst_18 : vector<4xf32>
          %247 = math.roundeven %246 : vector<4xf32>
          %248 = arith.addf %247, %245 : vector<4xf32>
          %249 = arith.subf %248, %245 : vector<4xf32>
          %250 = math.fma %249, %cst_20, %243 : vector<4xf32>
          %251 = math.fma %249, %cst_21, %250 : vector<4xf32>
          %252 = arith.addf %251, %cst_22 : vector<4xf32>
          %253 = arith.subf %252, %cst_22 : vector<4xf32>
          %254 = arith.subf %251, %253 : vector<4xf32>
          %255 = arith.mulf %251, %251 : vector<4xf32>
          %256 = math.fma %cst_23, %251, %cst_24 : vector<4xf32>
          %257 = math.fma %256, %251, %cst_25 : vector<4xf32>
          %258 = math.fma %257, %251, %cst_26 : vector<4xf32>
          %259 = math.fma %258, %251, %cst_27 : vector<4xf32>
          %260 = math.fma %255, %259, %254 : vector<4xf32>
          %261 = arith.addf %252, %260 : vector<4xf32>
          %262 = arith.bitcast %248 : vector<4xf32> to vector<4xi32>
          %263 = arith.shli %262, %cst_28 : vector<4xi32>
          %264 = arith.bitcast %263 : vector<4xi32> to vector<4xf32>
          %265 = arith.mulf %261, %264 : vector<4xf32>
          %266 = arith.select %244, %cst_36, %cst_37 : vector<4xi1>, vector<4xf32>
          %267 = arith.mulf %265, %266 : vector<4xf32>
          %268 = arith.select %239, %267, %236 : vector<4xi1>, vector<4xf32>
          %cst_38 = arith.constant 1.000000e+00 : f32
          %269 = arith.divf %cst_38, %165 : f32
          %270 = vector.broadcast %269 : f32 to vector<4xf32>
          %271 = arith.mulf %268, %270 : vector<4xf32>
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
          %272 = arith.negf %271 : vector<4xf32>
          %273 = arith.cmpf olt, %272, %cst_39 : vector<4xf32>
          %274 = arith.select %273, %cst_39, %272 : vector<4xi1>, vector<4xf32>
          %275 = arith.cmpf ogt, %274, %cst_40 : vector<4xf32>
          %276 = arith.select %275, %cst_40, %274 : vector<4xi1>, vector<4xf32>
          %277 = arith.mulf %276, %cst_41 : vector<4xf32>
          %278 = math.roundeven %277 : vector<4xf32>
          %279 = arith.addf %278, %cst_42 : vector<4xf32>
          %280 = arith.subf %279, %cst_42 : vector<4xf32>
          %281 = math.fma %280, %cst_43, %276 : vector<4xf32>
          %282 = math.fma %280, %cst_44, %281 : vector<4xf32>
          %283 = math.fma %cst_45, %282, %cst_46 : vector<4xf32>
          %284 = math.fma %283, %282, %cst_47 : vector<4xf32>
          %285 = math.fma %284, %282, %cst_48 : vector<4xf32>
          %286 = math.fma %285, %282, %cst_49 : vector<4xf32>
          %287 = math.fma %286, %282, %cst_50 : vector<4xf32>
          %288 = math.fma %287, %282, %cst_50 : vector<4xf32>
          %289 = arith.bitcast %279 : vector<4xf32> to vector<4xi32>
          %290 = arith.shli %289, %cst_51 : vector<4xi32>
          %291 = arith.bitcast %290 : vector<4xi32> to vector<4xf32>
          %292 = math.fma %288, %291, %cst_50 : vector<4xf32>
          %293 = arith.divf %271, %292 : vector<4xf32>
          %c36 = arith.constant 36 : index
          %294 = arith.addi %210, %c36 : index
          %295 = vector.transfer_read %12[%11, %294], %cst {in_bounds = [true]} : memref<?x72xf32>, vector<4xf32>
          %296 = arith.subf %295, %45 : vector<4xf32>
          %297 = arith.mulf %296, %95 : vector<4xf32>
          %298 = vector.transfer_read %13[%294], %cst {in_bounds = [true]} : memref<72xf32>, vector<4xf32>
          %299 = arith.mulf %297, %298 : vector<4xf32>
          %300 = arith.subf %299, %126 : vector<4xf32>
          %cst_52 = arith.constant dense<1.44269502> : vector<4xf32>
          %cst_53 = arith.constant dense<0x4B40007F> : vector<4xf32>
          %cst_54 = arith.constant dense<-0.693147182> : vector<4xf32>
          %cst_55 = arith.constant dense<1.90465421E-9> : vector<4xf32>
          %cst_56 = arith.constant dense<1.000000e+00> : vector<4xf32>
          %cst_57 = arith.constant dense<0.001378263> : vector<4xf32>
          %cst_58 = arith.constant dense<0.00837339088> : vector<4xf32>
          %cst_59 = arith.constant dense<0.0416695103> : vector<4xf32>
          %cst_60 = arith.constant dense<0.16666469> : vector<4xf32>
          %cst_61 = arith.constant dense<0.499999851> : vector<4xf32>
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
          %301 = arith.mulf %300, %cst_52 : vector<4xf32>
          %302 = math.roundeven %301 : vector<4xf32>
          %303 = arith.addf %302, %cst_53 : vector<4xf32>
          %304 = arith.subf %303, %cst_53 : vector<4xf32>
          %305 = math.fma %304, %cst_54, %300 : vector<4xf32>
          %306 = math.fma %304, %cst_55, %305 : vector<4xf32>
          %307 = arith.addf %306, %cst_56 : vector<4xf32>
          %308 = arith.subf %307, %cst_56 : vector<4xf32>
          %309 = arith.subf %306, %308 : vector<4xf32>
          %310 = arith.mulf %306, %306 : vector<4xf32>
          %311 = math.fma %cst_57, %306, %cst_58 : vector<4xf32>
          %312 = math.fma %311, %306, %cst_59 : vector<4xf32>
          %313 = math.fma %312, %306, %cst_60 : vector<4xf32>
          %314 = math.fma %313, %306, %cst_61 : vector<4xf32>
          %315 = math.fma %310, %314, %309 : vector<4xf32>
          %316 = arith.addf %307, %315 : vector<4xf32>
          %317 = arith.bitcast %303 : vector<4xf32> to vector<4xi32>
          %318 = arith.shli %317, %cst_62 : vector<4xi32>
          %319 = arith.bitcast %318 : vector<4xi32> to vector<4xf32>
          %320 = arith.mulf %316, %319 : vector<4xf32>
          %321 = arith.bitcast %303 : vector<4xf32> to vector<4xi32>
          %322 = arith.subi %321, %cst_63 : vector<4xi32>
          %323 = arith.cmpi ugt, %322, %cst_64 : vector<4xi32>
          %324 = arith.cmpf olt, %300, %cst_65 : vector<4xf32>
          %325 = arith.select %324, %cst_65, %300 : vector<4xi1>, vector<4xf32>
          %326 = arith.cmpf ogt, %325, %cst_66 : vector<4xf32>
          %327 = arith.select %326, %cst_66, %325 : vector<4xi1>, vector<4xf32>
          %328 = arith.cmpf olt, %327, %cst_67 : vector<4xf32>
          %329 = arith.select %328, %cst_68, %cst_69 : vector<4xi1>, vector<4xf32>
          %330 = arith.mulf %327, %cst_52 : vector<4xf32>
          %331 = math.roundeven %330 : vector<4xf32>
          %332 = arith.addf %331, %329 : vector<4xf32>
          %333 = arith.subf %332, %329 : vector<4xf32>
          %334 = math.fma %333, %cst_54, %327 : vector<4xf32>
          %335 = math.fma %333, %cst_55, %334 : vector<4xf32>
          %336 = arith.addf %335, %cst_56 : vector<4xf32>
          %337 = arith.subf %336, %cst_56 : vector<4xf32>
          %338 = arith.subf %335, %337 : vector<4xf32>
          %339 = arith.mulf %335, %335 : vector<4xf32>
          %340 = math.fma %cst_57, %335, %cst_58 : vector<4xf32>
          %341 = math.fma %340, %335, %cst_59 : vector<4xf32>
          %342 = math.fma %341, %335, %cst_60 : vector<4xf32>
          %343 = math.fma %342, %335, %cst_61 : vector<4xf32>
          %344 = math.fma %339, %343, %338 : vector<4xf32>
          %345 = arith.addf %336, %344 : vector<4xf32>
          %346 = arith.bitcast %332 : vector<4xf32> to vector<4xi32>
          %347 = arith.shli %346, %cst_62 : vector<4xi32>
          %348 = arith.bitcast %347 : vector<4xi32> to vector<4xf32>
          %349 = arith.mulf %345, %348 : vector<4xf32>
          %350 = arith.select %328, %cst_70, %cst_71 : vector<4xi1>, vector<4xf32>
          %351 = arith.mulf %349, %350 : vector<4xf32>
          %352 = arith.select %323, %351, %320 : vector<4xi1>, vector<4xf32>
          %353 = arith.mulf %352, %270 : vector<4xf32>
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
          %354 = math.absf %353 : vector<4xf32>
          %355 = arith.mulf %354, %354 : vector<4xf32>
          %356 = math.fma %cst_72, %355, %cst_73 : vector<4xf32>
          %357 = math.fma %356, %355, %cst_74 : vector<4xf32>
          %358 = math.fma %357, %355, %cst_75 : vector<4xf32>
          %359 = math.fma %358, %355, %cst_76 : vector<4xf32>
          %360 = math.fma %359, %355, %cst_77 : vector<4xf32>
          %361 = math.fma %360, %355, %cst_78 : vector<4xf32>
          %362 = math.fma %354, %361, %354 : vector<4xf32>
          %363 = arith.cmpf ogt, %354, %cst_79 : vector<4xf32>
          %364 = arith.select %363, %cst_79, %354 : vector<4xi1>, vector<4xf32>
          %365 = arith.subf %364, %cst_80 : vector<4xf32>
          %366 = math.fma %cst_81, %365, %cst_82 : vector<4xf32>
          %367 = math.fma %366, %365, %cst_83 : vector<4xf32>
          %368 = math.fma %367, %365, %cst_84 : vector<4xf32>
          %369 = math.fma %368, %365, %cst_85 : vector<4xf32>
          %370 = math.fma %369, %365, %cst_86 : vector<4xf32>
          %371 = math.fma %365, %370, %cst_87 : vector<4xf32>
          %372 = math.roundeven %371 : vector<4xf32>
          %373 = arith.addf %372, %cst_88 : vector<4xf32>
          %374 = arith.subf %373, %cst_88 : vector<4xf32>
          %375 = arith.subf %cst_87, %374 : vector<4xf32>
          %376 = math.fma %365, %370, %375 : vector<4xf32>
          %377 = arith.addf %376, %cst_89 : vector<4xf32>
          %378 = arith.bitcast %373 : vector<4xf32> to vector<4xi32>
          %379 = arith.shli %378, %cst_90 : vector<4xi32>
          %380 = arith.bitcast %379 : vector<4xi32> to vector<4xf32>
          %381 = arith.negf %380 : vector<4xf32>
          %382 = math.fma %cst_91, %377, %cst_92 : vector<4xf32>
          %383 = math.fma %382, %377, %cst_93 : vector<4xf32>
          %384 = math.fma %383, %377, %cst_94 : vector<4xf32>
          %385 = math.fma %384, %377, %cst_95 : vector<4xf32>
          %386 = math.fma %385, %377, %cst_96 : vector<4xf32>
          %387 = arith.mulf %377, %386 : vector<4xf32>
          %388 = arith.subf %cst_80, %380 : vector<4xf32>
          %389 = math.fma %381, %387, %388 : vector<4xf32>
          %390 = arith.cmpf olt, %354, %cst_97 : vector<4xf32>
          %391 = arith.select %390, %362, %389 : vector<4xi1>, vector<4xf32>
          %392 = math.copysign %391, %353 : vector<4xf32>
          %393 = arith.mulf %293, %392 : vector<4xf32>
          %394 = arith.cmpi ult, %16, %c36 : index
          %395 = arith.andi %394, %9 : i1
          %396 = arith.cmpi eq, %7, %c0 : index
          %397 = arith.andi %396, %9 : i1
          scf.if %395 {
            vector.transfer_write %393, %14[%11, %210] {in_bounds = [true]} : vector<4xf32>, memref<?x36xf32>
          }
          scf.if %397 {
            memref.store %209, %15[%11, %c0] : memref<?x1xf32>
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

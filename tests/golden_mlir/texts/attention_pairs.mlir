#map = affine_map<(d0) -> (d0 + 1)>
#map1 = affine_map<(d0, d1) -> (d0 + d1 * 32)>
#map2 = affine_map<(d0) -> (d0 + 24)>
#map3 = affine_map<(d0) -> (d0 + 672)>
#map4 = affine_map<(d0) -> (d0 + 336)>
#map5 = affine_map<(d0) -> (d0 + 48)>
#map6 = affine_map<(d0) -> (d0 * 32)>
#map7 = affine_map<(d0, d1) -> (d0 + d1 * 16)>
#map8 = affine_map<(d0) -> (d0 + 16)>
#map9 = affine_map<(d0, d1) -> (d0 + d1)>
#map10 = affine_map<(d0, d1, d2, d3) -> (d0 * 64 + d1 * 32 + d2 * 2 + d3)>
#map11 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 1)>
#map12 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 2)>
#map13 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 3)>
#map14 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 4)>
#map15 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 5)>
#map16 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 6)>
#map17 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 7)>
#map18 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 8)>
#map19 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 9)>
#map20 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 10)>
#map21 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 11)>
#map22 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 12)>
#map23 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 13)>
#map24 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 14)>
#map25 = affine_map<(d0, d1) -> (d0 + d1 * 16 + 15)>
#map26 = affine_map<(d0, d1, d2) -> (d0 + (d1 + d2) * 16)>
#map27 = affine_map<(d0) -> (d0)>
#map28 = affine_map<(d0) -> (d0 + 2)>
#map29 = affine_map<(d0) -> (d0 + 3)>
#map30 = affine_map<(d0) -> (d0 + 4)>
#map31 = affine_map<(d0) -> (d0 + 5)>
#map32 = affine_map<(d0) -> (d0 + 6)>
#map33 = affine_map<(d0) -> (d0 + 7)>
#map34 = affine_map<(d0) -> (d0 + 8)>
#map35 = affine_map<(d0) -> (d0 + 9)>
#map36 = affine_map<(d0) -> (d0 + 10)>
#map37 = affine_map<(d0) -> (d0 + 11)>
#map38 = affine_map<(d0) -> (d0 + 12)>
#map39 = affine_map<(d0) -> (d0 + 13)>
#map40 = affine_map<(d0) -> (d0 + 14)>
#map41 = affine_map<(d0) -> (d0 + 15)>
#map42 = affine_map<(d0, d1, d2) -> (d0 + d1 * 32 + d2 * 2)>
#map43 = affine_map<(d0) -> (d0 + 17)>
#map44 = affine_map<(d0, d1) -> (d0 + d1 * 4)>
#map45 = affine_map<(d0, d1, d2) -> (d0 + d1 * 24 + d2)>
#map46 = affine_map<(d0) -> ((d0 floordiv 448) * 14)>
#map47 = affine_map<(d0, d1) -> (d0 - d1 * 32)>
#map48 = affine_map<(d0) -> (d0 - 16)>
#map49 = affine_map<(d0, d1) -> ((d0 + d1) * 2)>
#map50 = affine_map<(d0, d1) -> (d0 + d1 * 48)>
#map51 = affine_map<(d0, d1, d2) -> (d0 * 16 + d1 * 384 + d2)>
#map52 = affine_map<(d0) -> (d0 + 25)>
#map53 = affine_map<(d0) -> (d0 + 26)>
#map54 = affine_map<(d0) -> (d0 + 27)>
#map55 = affine_map<(d0) -> (d0 + 28)>
#map56 = affine_map<(d0) -> (d0 + 29)>
#map57 = affine_map<(d0) -> (d0 + 30)>
#map58 = affine_map<(d0) -> (d0 + 31)>
#map59 = affine_map<(d0, d1, d2) -> (d0 + d1 + d2 * 24)>
#map60 = affine_map<(d0, d1) -> (d0 + d1 * 24)>
#map61 = affine_map<(d0) -> (d0 * 16)>
#map62 = affine_map<(d0, d1, d2) -> (d0 + d1 * 48 + d2)>
#pipeline_layout = #hal.pipeline.layout<constants = 4, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x?x2x16xbf16>, %arg1: tensor<?x?x2x16xbf16>, %arg2: tensor<?x?x2x16xbf16>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?x2x16xbf16> {
    %0 = util.call @attention(%arg0, %arg1, %arg2) : (tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>) -> tensor<?x?x2x16xbf16>
    return %0 : tensor<?x?x2x16xbf16>
  }
  hal.executable.source private @attention_attention_pairs {
    hal.executable.export public @attention_attention_pairs ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      hal.return %arg1, %c1, %c1 : index, index, index
    }
    builtin.module {
      func.func @attention_attention_pairs() {
        %0 = hal.interface.constant.load layout(#pipeline_layout) ordinal(0) : i32
        %1 = arith.index_castui %0 : i32 to index
        %2 = hal.interface.constant.load layout(#pipeline_layout) ordinal(1) : i32
        %3 = arith.index_castui %2 : i32 to index
        %4 = hal.interface.constant.load layout(#pipeline_layout) ordinal(2) : i32
        %5 = arith.index_castui %4 : i32 to index
        %6 = hal.interface.constant.load layout(#pipeline_layout) ordinal(3) : i32
        %7 = arith.index_castui %6 : i32 to index
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c8 = arith.constant 8 : index
        %c16 = arith.constant 16 : index
        %c32 = arith.constant 32 : index
        %c2_0 = arith.constant 2 : index
        %c1_1 = arith.constant 1 : index
        %c2_2 = arith.constant 2 : index
        %c24 = arith.constant 24 : index
        %c24_3 = arith.constant 24 : index
        %c-1 = arith.constant -1 : index
        %cst = arith.constant 0.000000e+00 : bf16
        %cst_4 = arith.constant dense<0.000000e+00> : vector<16xf32>
        %cst_5 = arith.constant dense<-3.40282347E+38> : vector<16xf32>
        %8 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x?x2x16xbf16>{%1, %3}
        %9 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?x?x2x16xbf16>{%1, %3}
        %10 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?x?x2x16xbf16>{%1, %3}
        %11 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x?x2x16xbf16>{%1, %3}
        %12 = hal.interface.binding.subspan layout(#pipeline_layout) binding(4) offset(%c0) : memref<?x16xf32>{%7}
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %workgroup_count_x = hal.interface.workgroup.count[0] : index
        %intptr = memref.extract_aligned_pointer_as_index %9 : memref<?x?x2x16xbf16> -> index
        %intptr_6 = memref.extract_aligned_pointer_as_index %10 : memref<?x?x2x16xbf16> -> index
        %13 = arith.muli %workgroup_id_x, %5 : index
        %14 = arith.ceildivui %3, %c24_3 : index
        %15 = arith.muli %1, %c2_0 : index
        %16 = arith.muli %14, %15 : index
        %17 = affine.apply #map(%workgroup_id_x)
        %18 = arith.muli %workgroup_id_x, %16 : index
        %19 = arith.muli %17, %16 : index
        %20 = arith.divui %18, %workgroup_count_x : index
        %21 = arith.divui %19, %workgroup_count_x : index
        %22 = arith.divui %20, %14 : index
        %23 = arith.ceildivui %21, %14 : index
        %intptr_7 = memref.extract_aligned_pointer_as_index %12 : memref<?x16xf32> -> index
        %24 = llvm.mlir.constant(1 : i32) : i32
        %25 = llvm.mlir.constant(4 : i32) : i32
        %26 = llvm.mlir.constant(-1 : i16) : i16
        %cst_8 = arith.constant dense<0> : vector<16xi32>
        %cst_9 = arith.constant dense<0> : vector<32xi16>
        %cst_10 = arith.constant dense<1.000000e+00> : vector<32xbf16>
        %cst_11 = arith.constant dense<1.000000e+00> : vector<16xf32>
        %cst_12 = arith.constant dense<0> : vector<16xi32>
        %cst_13 = arith.constant dense<0.360673755> : vector<16xf32>
        %cst_14 = arith.constant dense<1.00000262> : vector<16xf32>
        %cst_15 = arith.constant dense<0.693003833> : vector<16xf32>
        %cst_16 = arith.constant dense<0.241442755> : vector<16xf32>
        %cst_17 = arith.constant dense<0.0520114638> : vector<16xf32>
        %cst_18 = arith.constant dense<0.0135341678> : vector<16xf32>
        %27 = vector.step : vector<16xindex>
        %c16_19 = arith.constant 16 : index
        %c1_20 = arith.constant 1 : index
        %c1_21 = arith.constant 1 : index
        %c14 = arith.constant 14 : index
        %28 = arith.ceildivui %3, %c32 : index
        %29 = arith.addi %13, %c0 : index
        %30 = affine.apply #map1(%13, %28)
        %31 = affine.apply #map1(%30, %28)
        %32 = affine.apply #map2(%31)
        %33 = affine.apply #map3(%32)
        %34 = affine.apply #map4(%33)
        %35 = affine.apply #map5(%34)
        %36 = affine.apply #map2(%35)
        %c8_22 = arith.constant 8 : index
        %c4 = arith.constant 4 : index
        %c8_23 = arith.constant 8 : index
        %c0_24 = arith.constant 0 : index
        %37 = arith.index_cast %intptr_7 : index to i64
        %38 = llvm.inttoptr %37 : i64 to !llvm.ptr
        %39:3 = scf.for %arg0 = %22 to %23 step %c1 iter_args(%arg1 = %c-1, %arg2 = %c-1, %arg3 = %c-1) -> (index, index, index) {
          %40 = arith.divui %arg0, %c2_0 : index
          %41 = arith.remui %arg0, %c2_0 : index
          %42 = arith.divui %41, %c1_1 : index
          %43 = arith.muli %40, %c2_2 : index
          %44 = arith.addi %43, %42 : index
          %45 = arith.muli %40, %3 : index
          %46 = arith.muli %arg0, %14 : index
          %47 = arith.subi %20, %46 : index
          %48 = arith.subi %21, %46 : index
          %49 = arith.maxsi %47, %c0 : index
          %50 = arith.minsi %48, %14 : index
          %51 = arith.muli %49, %c24_3 : index
          %52 = arith.muli %50, %c24_3 : index
          %53 = arith.minsi %52, %3 : index
          %c0_25 = arith.constant 0 : index
          %54 = arith.addi %3, %c0 : index
          %55 = arith.addi %51, %c0 : index
          %56 = arith.addi %53, %c0 : index
          %57 = arith.addi %arg1, %c0 : index
          %c0_26 = arith.constant 0 : index
          %58 = arith.addi %3, %c0 : index
          %59 = arith.subi %54, %c0_25 : index
          %60 = arith.ceildivui %59, %c32 : index
          %61 = arith.cmpi eq, %44, %57 : index
          %62 = arith.cmpi eq, %c0_25, %c0_26 : index
          %63 = arith.cmpi eq, %54, %58 : index
          %64 = arith.andi %62, %63 : i1
          %65 = arith.andi %61, %64 : i1
          scf.if %65 {
          } else {
            %66 = arith.subi %54, %c1 : index
            %67 = arith.muli %60, %c2 : index
            scf.for %arg4 = %c0 to %67 step %c1 {
              scf.for %arg5 = %c0 to %c1_20 step %c1 {
                %68 = affine.apply #map6(%arg5)
                %69 = affine.apply #map7(%c0_25, %arg4)
                %70 = affine.apply #map8(%69)
                %71 = affine.apply #map9(%45, %70)
                %72 = affine.apply #map10(%71, %42, %68, %intptr)
                %73 = arith.index_cast %72 : index to i64
                %74 = llvm.inttoptr %73 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%74) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %75 = arith.cmpi slt, %69, %54 : index
                %76 = arith.minsi %69, %66 : index
                %77 = vector.transfer_read %9[%40, %76, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %78 = vector.bitcast %77 : vector<32xbf16> to vector<16xi32>
                %79 = arith.select %75, %78, %cst_8 : vector<16xi32>
                %80 = affine.apply #map11(%c0_25, %arg4)
                %81 = affine.apply #map8(%80)
                %82 = affine.apply #map9(%45, %81)
                %83 = affine.apply #map10(%82, %42, %68, %intptr)
                %84 = arith.index_cast %83 : index to i64
                %85 = llvm.inttoptr %84 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%85) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %86 = arith.cmpi slt, %80, %54 : index
                %87 = arith.minsi %80, %66 : index
                %88 = vector.transfer_read %9[%40, %87, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %89 = vector.bitcast %88 : vector<32xbf16> to vector<16xi32>
                %90 = arith.select %86, %89, %cst_8 : vector<16xi32>
                %91 = affine.apply #map12(%c0_25, %arg4)
                %92 = affine.apply #map8(%91)
                %93 = affine.apply #map9(%45, %92)
                %94 = affine.apply #map10(%93, %42, %68, %intptr)
                %95 = arith.index_cast %94 : index to i64
                %96 = llvm.inttoptr %95 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%96) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %97 = arith.cmpi slt, %91, %54 : index
                %98 = arith.minsi %91, %66 : index
                %99 = vector.transfer_read %9[%40, %98, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %100 = vector.bitcast %99 : vector<32xbf16> to vector<16xi32>
                %101 = arith.select %97, %100, %cst_8 : vector<16xi32>
                %102 = affine.apply #map13(%c0_25, %arg4)
                %103 = affine.apply #map8(%102)
                %104 = affine.apply #map9(%45, %103)
                %105 = affine.apply #map10(%104, %42, %68, %intptr)
                %106 = arith.index_cast %105 : index to i64
                %107 = llvm.inttoptr %106 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%107) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %108 = arith.cmpi slt, %102, %54 : index
                %109 = arith.minsi %102, %66 : index
                %110 = vector.transfer_read %9[%40, %109, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %111 = vector.bitcast %110 : vector<32xbf16> to vector<16xi32>
                %112 = arith.select %108, %111, %cst_8 : vector<16xi32>
                %113 = affine.apply #map14(%c0_25, %arg4)
                %114 = affine.apply #map8(%113)
                %115 = affine.apply #map9(%45, %114)
                %116 = affine.apply #map10(%115, %42, %68, %intptr)
                %117 = arith.index_cast %116 : index to i64
                %118 = llvm.inttoptr %117 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%118) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %119 = arith.cmpi slt, %113, %54 : index
                %120 = arith.minsi %113, %66 : index
                %121 = vector.transfer_read %9[%40, %120, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %122 = vector.bitcast %121 : vector<32xbf16> to vector<16xi32>
                %123 = arith.select %119, %122, %cst_8 : vector<16xi32>
                %124 = affine.apply #map15(%c0_25, %arg4)
                %125 = affine.apply #map8(%124)
                %126 = affine.apply #map9(%45, %125)
                %127 = affine.apply #map10(%126, %42, %68, %intptr)
                %128 = arith.index_cast %127 : index to i64
                %129 = llvm.inttoptr %128 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%129) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %130 = arith.cmpi slt, %124, %54 : index
                %131 = arith.minsi %124, %66 : index
                %132 = vector.transfer_read %9[%40, %131, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %133 = vector.bitcast %132 : vector<32xbf16> to vector<16xi32>
                %134 = arith.select %130, %133, %cst_8 : vector<16xi32>
                %135 = affine.apply #map16(%c0_25, %arg4)
                %136 = affine.apply #map8(%135)
                %137 = affine.apply #map9(%45, %136)
                %138 = affine.apply #map10(%137, %42, %68, %intptr)
                %139 = arith.index_cast %138 : index to i64
                %140 = llvm.inttoptr %139 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%140) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %141 = arith.cmpi slt, %135, %54 : index
                %142 = arith.minsi %135, %66 : index
                %143 = vector.transfer_read %9[%40, %142, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %144 = vector.bitcast %143 : vector<32xbf16> to vector<16xi32>
                %145 = arith.select %141, %144, %cst_8 : vector<16xi32>
                %146 = affine.apply #map17(%c0_25, %arg4)
                %147 = affine.apply #map8(%146)
                %148 = affine.apply #map9(%45, %147)
                %149 = affine.apply #map10(%148, %42, %68, %intptr)
                %150 = arith.index_cast %149 : index to i64
                %151 = llvm.inttoptr %150 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%151) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %152 = arith.cmpi slt, %146, %54 : index
                %153 = arith.minsi %146, %66 : index
                %154 = vector.transfer_read %9[%40, %153, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %155 = vector.bitcast %154 : vector<32xbf16> to vector<16xi32>
                %156 = arith.select %152, %155, %cst_8 : vector<16xi32>
                %157 = affine.apply #map18(%c0_25, %arg4)
                %158 = affine.apply #map8(%157)
                %159 = affine.apply #map9(%45, %158)
                %160 = affine.apply #map10(%159, %42, %68, %intptr)
                %161 = arith.index_cast %160 : index to i64
                %162 = llvm.inttoptr %161 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%162) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %163 = arith.cmpi slt, %157, %54 : index
                %164 = arith.minsi %157, %66 : index
                %165 = vector.transfer_read %9[%40, %164, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %166 = vector.bitcast %165 : vector<32xbf16> to vector<16xi32>
                %167 = arith.select %163, %166, %cst_8 : vector<16xi32>
                %168 = affine.apply #map19(%c0_25, %arg4)
                %169 = affine.apply #map8(%168)
                %170 = affine.apply #map9(%45, %169)
                %171 = affine.apply #map10(%170, %42, %68, %intptr)
                %172 = arith.index_cast %171 : index to i64
                %173 = llvm.inttoptr %172 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%173) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %174 = arith.cmpi slt, %168, %54 : index
                %175 = arith.minsi %168, %66 : index
                %176 = vector.transfer_read %9[%40, %175, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %177 = vector.bitcast %176 : vector<32xbf16> to vector<16xi32>
                %178 = arith.select %174, %177, %cst_8 : vector<16xi32>
                %179 = affine.apply #map20(%c0_25, %arg4)
                %180 = affine.apply #map8(%179)
                %181 = affine.apply #map9(%45, %180)
                %182 = affine.apply #map10(%181, %42, %68, %intptr)
                %183 = arith.index_cast %182 : index to i64
                %184 = llvm.inttoptr %183 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%184) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %185 = arith.cmpi slt, %179, %54 : index
                %186 = arith.minsi %179, %66 : index
                %187 = vector.transfer_read %9[%40, %186, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %188 = vector.bitcast %187 : vector<32xbf16> to vector<16xi32>
                %189 = arith.select %185, %188, %cst_8 : vector<16xi32>
                %190 = affine.apply #map21(%c0_25, %arg4)
                %191 = affine.apply #map8(%190)
                %192 = affine.apply #map9(%45, %191)
                %193 = affine.apply #map10(%192, %42, %68, %intptr)
                %194 = arith.index_cast %193 : index to i64
                %195 = llvm.inttoptr %194 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%195) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %196 = arith.cmpi slt, %190, %54 : index
                %197 = arith.minsi %190, %66 : index
                %198 = vector.transfer_read %9[%40, %197, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %199 = vector.bitcast %198 : vector<32xbf16> to vector<16xi32>
                %200 = arith.select %196, %199, %cst_8 : vector<16xi32>
                %201 = affine.apply #map22(%c0_25, %arg4)
                %202 = affine.apply #map8(%201)
                %203 = affine.apply #map9(%45, %202)
                %204 = affine.apply #map10(%203, %42, %68, %intptr)
                %205 = arith.index_cast %204 : index to i64
                %206 = llvm.inttoptr %205 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%206) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %207 = arith.cmpi slt, %201, %54 : index
                %208 = arith.minsi %201, %66 : index
                %209 = vector.transfer_read %9[%40, %208, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %210 = vector.bitcast %209 : vector<32xbf16> to vector<16xi32>
                %211 = arith.select %207, %210, %cst_8 : vector<16xi32>
                %212 = affine.apply #map23(%c0_25, %arg4)
                %213 = affine.apply #map8(%212)
                %214 = affine.apply #map9(%45, %213)
                %215 = affine.apply #map10(%214, %42, %68, %intptr)
                %216 = arith.index_cast %215 : index to i64
                %217 = llvm.inttoptr %216 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%217) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %218 = arith.cmpi slt, %212, %54 : index
                %219 = arith.minsi %212, %66 : index
                %220 = vector.transfer_read %9[%40, %219, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %221 = vector.bitcast %220 : vector<32xbf16> to vector<16xi32>
                %222 = arith.select %218, %221, %cst_8 : vector<16xi32>
                %223 = affine.apply #map24(%c0_25, %arg4)
                %224 = affine.apply #map8(%223)
                %225 = affine.apply #map9(%45, %224)
                %226 = affine.apply #map10(%225, %42, %68, %intptr)
                %227 = arith.index_cast %226 : index to i64
                %228 = llvm.inttoptr %227 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%228) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %229 = arith.cmpi slt, %223, %54 : index
                %230 = arith.minsi %223, %66 : index
                %231 = vector.transfer_read %9[%40, %230, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %232 = vector.bitcast %231 : vector<32xbf16> to vector<16xi32>
                %233 = arith.select %229, %232, %cst_8 : vector<16xi32>
                %234 = affine.apply #map25(%c0_25, %arg4)
                %235 = affine.apply #map8(%234)
                %236 = affine.apply #map9(%45, %235)
                %237 = affine.apply #map10(%236, %42, %68, %intptr)
                %238 = arith.index_cast %237 : index to i64
                %239 = llvm.inttoptr %238 : i64 to !llvm.ptr
                "llvm.intr.prefetch"(%239) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                %240 = arith.cmpi slt, %234, %54 : index
                %241 = arith.minsi %234, %66 : index
                %242 = vector.transfer_read %9[%40, %241, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %243 = vector.bitcast %242 : vector<32xbf16> to vector<16xi32>
                %244 = arith.select %240, %243, %cst_8 : vector<16xi32>
                %245 = vector.shuffle %79, %167 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %246 = vector.shuffle %79, %167 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %247 = vector.shuffle %90, %178 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %248 = vector.shuffle %90, %178 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %249 = vector.shuffle %101, %189 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %250 = vector.shuffle %101, %189 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %251 = vector.shuffle %112, %200 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %252 = vector.shuffle %112, %200 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %253 = vector.shuffle %123, %211 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %254 = vector.shuffle %123, %211 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %255 = vector.shuffle %134, %222 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %256 = vector.shuffle %134, %222 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %257 = vector.shuffle %145, %233 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %258 = vector.shuffle %145, %233 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %259 = vector.shuffle %156, %244 [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] : vector<16xi32>, vector<16xi32>
                %260 = vector.shuffle %156, %244 [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %261 = vector.shuffle %245, %253 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %262 = vector.shuffle %245, %253 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %263 = vector.shuffle %247, %255 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %264 = vector.shuffle %247, %255 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %265 = vector.shuffle %249, %257 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %266 = vector.shuffle %249, %257 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %267 = vector.shuffle %251, %259 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %268 = vector.shuffle %251, %259 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %269 = vector.shuffle %246, %254 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %270 = vector.shuffle %246, %254 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %271 = vector.shuffle %248, %256 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %272 = vector.shuffle %248, %256 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %273 = vector.shuffle %250, %258 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %274 = vector.shuffle %250, %258 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %275 = vector.shuffle %252, %260 [0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
                %276 = vector.shuffle %252, %260 [4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
                %277 = vector.shuffle %261, %265 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %278 = vector.shuffle %261, %265 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %279 = vector.shuffle %263, %267 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %280 = vector.shuffle %263, %267 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %281 = vector.shuffle %262, %266 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %282 = vector.shuffle %262, %266 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %283 = vector.shuffle %264, %268 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %284 = vector.shuffle %264, %268 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %285 = vector.shuffle %269, %273 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %286 = vector.shuffle %269, %273 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %287 = vector.shuffle %271, %275 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %288 = vector.shuffle %271, %275 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %289 = vector.shuffle %270, %274 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %290 = vector.shuffle %270, %274 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %291 = vector.shuffle %272, %276 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
                %292 = vector.shuffle %272, %276 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
                %293 = vector.shuffle %277, %279 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %294 = vector.shuffle %277, %279 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %295 = vector.shuffle %278, %280 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %296 = vector.shuffle %278, %280 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %297 = vector.shuffle %281, %283 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %298 = vector.shuffle %281, %283 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %299 = vector.shuffle %282, %284 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %300 = vector.shuffle %282, %284 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %301 = vector.shuffle %285, %287 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %302 = vector.shuffle %285, %287 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %303 = vector.shuffle %286, %288 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %304 = vector.shuffle %286, %288 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %305 = vector.shuffle %289, %291 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %306 = vector.shuffle %289, %291 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %307 = vector.shuffle %290, %292 [0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30] : vector<16xi32>, vector<16xi32>
                %308 = vector.shuffle %290, %292 [1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31] : vector<16xi32>, vector<16xi32>
                %309 = affine.apply #map26(%29, %arg4, %arg5)
                %310 = vector.bitcast %293 : vector<16xi32> to vector<16xf32>
                %311 = affine.apply #map27(%309)
                vector.store %310, %12[%311, %c0] : memref<?x16xf32>, vector<16xf32>
                %312 = vector.bitcast %294 : vector<16xi32> to vector<16xf32>
                %313 = affine.apply #map(%309)
                vector.store %312, %12[%313, %c0] : memref<?x16xf32>, vector<16xf32>
                %314 = vector.bitcast %295 : vector<16xi32> to vector<16xf32>
                %315 = affine.apply #map28(%309)
                vector.store %314, %12[%315, %c0] : memref<?x16xf32>, vector<16xf32>
                %316 = vector.bitcast %296 : vector<16xi32> to vector<16xf32>
                %317 = affine.apply #map29(%309)
                vector.store %316, %12[%317, %c0] : memref<?x16xf32>, vector<16xf32>
                %318 = vector.bitcast %297 : vector<16xi32> to vector<16xf32>
                %319 = affine.apply #map30(%309)
                vector.store %318, %12[%319, %c0] : memref<?x16xf32>, vector<16xf32>
                %320 = vector.bitcast %298 : vector<16xi32> to vector<16xf32>
                %321 = affine.apply #map31(%309)
                vector.store %320, %12[%321, %c0] : memref<?x16xf32>, vector<16xf32>
                %322 = vector.bitcast %299 : vector<16xi32> to vector<16xf32>
                %323 = affine.apply #map32(%309)
                vector.store %322, %12[%323, %c0] : memref<?x16xf32>, vector<16xf32>
                %324 = vector.bitcast %300 : vector<16xi32> to vector<16xf32>
                %325 = affine.apply #map33(%309)
                vector.store %324, %12[%325, %c0] : memref<?x16xf32>, vector<16xf32>
                %326 = vector.bitcast %301 : vector<16xi32> to vector<16xf32>
                %327 = affine.apply #map34(%309)
                vector.store %326, %12[%327, %c0] : memref<?x16xf32>, vector<16xf32>
                %328 = vector.bitcast %302 : vector<16xi32> to vector<16xf32>
                %329 = affine.apply #map35(%309)
                vector.store %328, %12[%329, %c0] : memref<?x16xf32>, vector<16xf32>
                %330 = vector.bitcast %303 : vector<16xi32> to vector<16xf32>
                %331 = affine.apply #map36(%309)
                vector.store %330, %12[%331, %c0] : memref<?x16xf32>, vector<16xf32>
                %332 = vector.bitcast %304 : vector<16xi32> to vector<16xf32>
                %333 = affine.apply #map37(%309)
                vector.store %332, %12[%333, %c0] : memref<?x16xf32>, vector<16xf32>
                %334 = vector.bitcast %305 : vector<16xi32> to vector<16xf32>
                %335 = affine.apply #map38(%309)
                vector.store %334, %12[%335, %c0] : memref<?x16xf32>, vector<16xf32>
                %336 = vector.bitcast %306 : vector<16xi32> to vector<16xf32>
                %337 = affine.apply #map39(%309)
                vector.store %336, %12[%337, %c0] : memref<?x16xf32>, vector<16xf32>
                %338 = vector.bitcast %307 : vector<16xi32> to vector<16xf32>
                %339 = affine.apply #map40(%309)
                vector.store %338, %12[%339, %c0] : memref<?x16xf32>, vector<16xf32>
                %340 = vector.bitcast %308 : vector<16xi32> to vector<16xf32>
                %341 = affine.apply #map41(%309)
                vector.store %340, %12[%341, %c0] : memref<?x16xf32>, vector<16xf32>
              }
            }
            scf.for %arg4 = %c0 to %60 step %c1 {
              scf.for %arg5 = %c0 to %c1_20 step %c1 {
                %68 = affine.apply #map6(%arg5)
                %69 = arith.muli %arg5, %c2 : index
                %70 = arith.muli %69, %28 : index
                %71 = affine.apply #map26(%30, %70, %arg4)
                %72 = affine.apply #map7(%71, %28)
                scf.for %arg6 = %c0 to %c16 step %c1 {
                  %73 = affine.apply #map42(%c0_25, %arg4, %arg6)
                  %74 = affine.apply #map(%73)
                  %75 = affine.apply #map8(%73)
                  %76 = affine.apply #map43(%73)
                  %77 = affine.apply #map9(%45, %75)
                  %78 = affine.apply #map10(%77, %42, %68, %intptr_6)
                  %79 = arith.index_cast %78 : index to i64
                  %80 = llvm.inttoptr %79 : i64 to !llvm.ptr
                  "llvm.intr.prefetch"(%80) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                  %81 = affine.apply #map9(%45, %76)
                  %82 = affine.apply #map10(%81, %42, %68, %intptr_6)
                  %83 = arith.index_cast %82 : index to i64
                  %84 = llvm.inttoptr %83 : i64 to !llvm.ptr
                  "llvm.intr.prefetch"(%84) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
                  %85 = arith.cmpi slt, %73, %54 : index
                  %86 = arith.minsi %73, %66 : index
                  %87 = vector.transfer_read %10[%40, %86, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                  %88 = vector.bitcast %87 : vector<32xbf16> to vector<32xi16>
                  %89 = arith.select %85, %88, %cst_9 : vector<32xi16>
                  %90 = arith.cmpi slt, %74, %54 : index
                  %91 = arith.minsi %74, %66 : index
                  %92 = vector.transfer_read %10[%40, %91, %42, %68], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                  %93 = vector.bitcast %92 : vector<32xbf16> to vector<32xi16>
                  %94 = arith.select %90, %93, %cst_9 : vector<32xi16>
                  %95 = vector.shuffle %89, %94 [0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47] : vector<32xi16>, vector<32xi16>
                  %96 = vector.bitcast %95 : vector<32xi16> to vector<16xf32>
                  %97 = arith.addi %71, %arg6 : index
                  vector.store %96, %12[%97, %c0] : memref<?x16xf32>, vector<16xf32>
                  %98 = vector.shuffle %89, %94 [16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63] : vector<32xi16>, vector<32xi16>
                  %99 = vector.bitcast %98 : vector<32xi16> to vector<16xf32>
                  %100 = arith.addi %72, %arg6 : index
                  vector.store %99, %12[%100, %c0] : memref<?x16xf32>, vector<16xf32>
                }
              }
            }
          }
          scf.for %arg4 = %55 to %56 step %c24 {
            %66 = arith.subi %56, %arg4 : index
            %67 = arith.minsi %66, %c24 : index
            %68 = arith.remui %67, %c8_22 : index
            %69 = arith.subi %67, %68 : index
            %70 = arith.ceildivui %68, %c4 : index
            %71 = affine.apply #map44(%69, %70)
            scf.for %arg5 = %c0 to %71 step %c1 {
              %75 = arith.subi %67, %c1 : index
              %76 = arith.minsi %arg5, %75 : index
              %77 = arith.addi %arg4, %76 : index
              scf.for %arg6 = %c0 to %c1_20 step %c1 {
                %80 = affine.apply #map6(%arg6)
                %81 = vector.transfer_read %8[%40, %77, %41, %80], %cst : memref<?x?x2x16xbf16>, vector<32xbf16>
                %82 = vector.bitcast %81 : vector<32xbf16> to vector<16xi32>
                %83 = arith.xori %82, %cst_12 : vector<16xi32>
                %84 = vector.bitcast %83 : vector<16xi32> to vector<16xf32>
                %85 = affine.apply #map45(%31, %arg6, %arg5)
                vector.store %84, %12[%85, %c0] : memref<?x16xf32>, vector<16xf32>
              }
              %78 = arith.addi %35, %arg5 : index
              %79 = arith.addi %36, %arg5 : index
              vector.store %cst_4, %12[%78, %c0] : memref<?x16xf32>, vector<16xf32>
              vector.store %cst_5, %12[%79, %c0] : memref<?x16xf32>, vector<16xf32>
            }
            %72 = arith.addi %59, %c0 : index
            %c0_27 = arith.constant 0 : index
            %73 = affine.apply #map46(%c0_27)
            %74 = arith.ceildivui %72, %c32 : index
            scf.for %arg5 = %73 to %74 step %c14 {
              %75 = arith.subi %74, %arg5 : index
              %76 = arith.minsi %75, %c14 : index
              %77 = arith.cmpi ne, %arg5, %73 : index
              %78 = affine.apply #map47(%72, %arg5)
              %79 = arith.divui %78, %c32 : index
              %80 = arith.minsi %79, %76 : index
              %81 = arith.cmpi slt, %80, %76 : index
              %82 = affine.apply #map47(%78, %80)
              %83 = affine.apply #map48(%82)
              %84 = vector.broadcast %82 : index to vector<16xindex>
              %85 = vector.broadcast %83 : index to vector<16xindex>
              %86 = arith.cmpi slt, %27, %84 : vector<16xindex>
              %87 = arith.cmpi slt, %27, %85 : vector<16xindex>
              scf.for %arg6 = %c0 to %76 step %c1 {
                %91 = affine.apply #map49(%arg5, %arg6)
                %92 = affine.apply #map7(%29, %91)
                %93 = affine.apply #map8(%92)
                %94 = affine.apply #map50(%32, %arg6)
                %95 = affine.apply #map47(%78, %arg6)
                %96 = arith.cmpi sle, %95, %c16 : index
                scf.if %96 {
                  scf.for %arg7 = %c0 to %69 step %c8_22 {
                    %97 = arith.addi %31, %arg7 : index
                    %98 = arith.addi %94, %arg7 : index
                    %99 = affine.apply #map27(%98)
                    %100 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %101 = affine.apply #map(%98)
                    %102 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %103 = affine.apply #map28(%98)
                    %104 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %105 = affine.apply #map29(%98)
                    %106 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %107 = affine.apply #map30(%98)
                    %108 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %109 = affine.apply #map31(%98)
                    %110 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %111 = affine.apply #map32(%98)
                    %112 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %113 = affine.apply #map33(%98)
                    %114 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %115:8 = scf.for %arg8 = %c0 to %c8_23 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                      %116 = affine.apply #map9(%92, %arg8)
                      %117 = vector.load %12[%116, %c0] : memref<?x16xf32>, vector<16xf32>
                      %118 = vector.bitcast %117 : vector<16xf32> to vector<32xbf16>
                      %119 = arith.divui %arg8, %c16 : index
                      %120 = arith.remui %arg8, %c16 : index
                      %121 = affine.apply #map51(%97, %119, %120)
                      %122 = arith.index_cast %121 : index to i64
                      %123 = llvm.getelementptr %38[%122] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                      %124 = llvm.getelementptr %123[0] : (!llvm.ptr) -> !llvm.ptr, i32
                      %125 = llvm.load %124 : !llvm.ptr -> i32
                      %126 = vector.broadcast %125 : i32 to vector<16xi32>
                      %127 = vector.bitcast %126 : vector<16xi32> to vector<32xbf16>
                      %128 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %127, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %129 = llvm.getelementptr %123[16] : (!llvm.ptr) -> !llvm.ptr, i32
                      %130 = llvm.load %129 : !llvm.ptr -> i32
                      %131 = vector.broadcast %130 : i32 to vector<16xi32>
                      %132 = vector.bitcast %131 : vector<16xi32> to vector<32xbf16>
                      %133 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %132, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %134 = llvm.getelementptr %123[32] : (!llvm.ptr) -> !llvm.ptr, i32
                      %135 = llvm.load %134 : !llvm.ptr -> i32
                      %136 = vector.broadcast %135 : i32 to vector<16xi32>
                      %137 = vector.bitcast %136 : vector<16xi32> to vector<32xbf16>
                      %138 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %137, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %139 = llvm.getelementptr %123[48] : (!llvm.ptr) -> !llvm.ptr, i32
                      %140 = llvm.load %139 : !llvm.ptr -> i32
                      %141 = vector.broadcast %140 : i32 to vector<16xi32>
                      %142 = vector.bitcast %141 : vector<16xi32> to vector<32xbf16>
                      %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %142, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %144 = llvm.getelementptr %123[64] : (!llvm.ptr) -> !llvm.ptr, i32
                      %145 = llvm.load %144 : !llvm.ptr -> i32
                      %146 = vector.broadcast %145 : i32 to vector<16xi32>
                      %147 = vector.bitcast %146 : vector<16xi32> to vector<32xbf16>
                      %148 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %147, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %149 = llvm.getelementptr %123[80] : (!llvm.ptr) -> !llvm.ptr, i32
                      %150 = llvm.load %149 : !llvm.ptr -> i32
                      %151 = vector.broadcast %150 : i32 to vector<16xi32>
                      %152 = vector.bitcast %151 : vector<16xi32> to vector<32xbf16>
                      %153 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %152, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %154 = llvm.getelementptr %123[96] : (!llvm.ptr) -> !llvm.ptr, i32
                      %155 = llvm.load %154 : !llvm.ptr -> i32
                      %156 = vector.broadcast %155 : i32 to vector<16xi32>
                      %157 = vector.bitcast %156 : vector<16xi32> to vector<32xbf16>
                      %158 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %157, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %159 = llvm.getelementptr %123[112] : (!llvm.ptr) -> !llvm.ptr, i32
                      %160 = llvm.load %159 : !llvm.ptr -> i32
                      %161 = vector.broadcast %160 : i32 to vector<16xi32>
                      %162 = vector.bitcast %161 : vector<16xi32> to vector<32xbf16>
                      %163 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %162, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      scf.yield %128, %133, %138, %143, %148, %153, %158, %163 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                    }
                    vector.store %115#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                  }
                  scf.for %arg7 = %69 to %67 step %c4 {
                    %97 = arith.addi %31, %arg7 : index
                    %98 = arith.addi %94, %arg7 : index
                    %99 = affine.apply #map27(%98)
                    %100 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %101 = affine.apply #map(%98)
                    %102 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %103 = affine.apply #map28(%98)
                    %104 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %105 = affine.apply #map29(%98)
                    %106 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %107:4 = scf.for %arg8 = %c0 to %c8_23 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                      %108 = affine.apply #map9(%92, %arg8)
                      %109 = vector.load %12[%108, %c0] : memref<?x16xf32>, vector<16xf32>
                      %110 = vector.bitcast %109 : vector<16xf32> to vector<32xbf16>
                      %111 = arith.divui %arg8, %c16 : index
                      %112 = arith.remui %arg8, %c16 : index
                      %113 = affine.apply #map51(%97, %111, %112)
                      %114 = arith.index_cast %113 : index to i64
                      %115 = llvm.getelementptr %38[%114] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                      %116 = llvm.getelementptr %115[0] : (!llvm.ptr) -> !llvm.ptr, i32
                      %117 = llvm.load %116 : !llvm.ptr -> i32
                      %118 = vector.broadcast %117 : i32 to vector<16xi32>
                      %119 = vector.bitcast %118 : vector<16xi32> to vector<32xbf16>
                      %120 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %119, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %121 = llvm.getelementptr %115[16] : (!llvm.ptr) -> !llvm.ptr, i32
                      %122 = llvm.load %121 : !llvm.ptr -> i32
                      %123 = vector.broadcast %122 : i32 to vector<16xi32>
                      %124 = vector.bitcast %123 : vector<16xi32> to vector<32xbf16>
                      %125 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %124, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %126 = llvm.getelementptr %115[32] : (!llvm.ptr) -> !llvm.ptr, i32
                      %127 = llvm.load %126 : !llvm.ptr -> i32
                      %128 = vector.broadcast %127 : i32 to vector<16xi32>
                      %129 = vector.bitcast %128 : vector<16xi32> to vector<32xbf16>
                      %130 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %129, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %131 = llvm.getelementptr %115[48] : (!llvm.ptr) -> !llvm.ptr, i32
                      %132 = llvm.load %131 : !llvm.ptr -> i32
                      %133 = vector.broadcast %132 : i32 to vector<16xi32>
                      %134 = vector.bitcast %133 : vector<16xi32> to vector<32xbf16>
                      %135 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %134, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      scf.yield %120, %125, %130, %135 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                    }
                    vector.store %107#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %107#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %107#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %107#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                  }
                } else {
                  scf.for %arg7 = %c0 to %69 step %c8_22 {
                    %97 = arith.addi %31, %arg7 : index
                    %98 = arith.addi %94, %arg7 : index
                    %99 = affine.apply #map27(%98)
                    %100 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %101 = affine.apply #map2(%98)
                    %102 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %103 = affine.apply #map(%98)
                    %104 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %105 = affine.apply #map52(%98)
                    %106 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %107 = affine.apply #map28(%98)
                    %108 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %109 = affine.apply #map53(%98)
                    %110 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %111 = affine.apply #map29(%98)
                    %112 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %113 = affine.apply #map54(%98)
                    %114 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %115 = affine.apply #map30(%98)
                    %116 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %117 = affine.apply #map55(%98)
                    %118 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %119 = affine.apply #map31(%98)
                    %120 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %121 = affine.apply #map56(%98)
                    %122 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %123 = affine.apply #map32(%98)
                    %124 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %125 = affine.apply #map57(%98)
                    %126 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %127 = affine.apply #map33(%98)
                    %128 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %129 = affine.apply #map58(%98)
                    %130 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %131:16 = scf.for %arg8 = %c0 to %c8_23 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114, %arg17 = %116, %arg18 = %118, %arg19 = %120, %arg20 = %122, %arg21 = %124, %arg22 = %126, %arg23 = %128, %arg24 = %130) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                      %132 = affine.apply #map9(%92, %arg8)
                      %133 = vector.load %12[%132, %c0] : memref<?x16xf32>, vector<16xf32>
                      %134 = vector.bitcast %133 : vector<16xf32> to vector<32xbf16>
                      %135 = affine.apply #map9(%93, %arg8)
                      %136 = vector.load %12[%135, %c0] : memref<?x16xf32>, vector<16xf32>
                      %137 = vector.bitcast %136 : vector<16xf32> to vector<32xbf16>
                      %138 = arith.divui %arg8, %c16 : index
                      %139 = arith.remui %arg8, %c16 : index
                      %140 = affine.apply #map51(%97, %138, %139)
                      %141 = arith.index_cast %140 : index to i64
                      %142 = llvm.getelementptr %38[%141] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                      %143 = llvm.getelementptr %142[0] : (!llvm.ptr) -> !llvm.ptr, i32
                      %144 = llvm.load %143 : !llvm.ptr -> i32
                      %145 = vector.broadcast %144 : i32 to vector<16xi32>
                      %146 = vector.bitcast %145 : vector<16xi32> to vector<32xbf16>
                      %147 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %146, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %148 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %146, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %149 = llvm.getelementptr %142[16] : (!llvm.ptr) -> !llvm.ptr, i32
                      %150 = llvm.load %149 : !llvm.ptr -> i32
                      %151 = vector.broadcast %150 : i32 to vector<16xi32>
                      %152 = vector.bitcast %151 : vector<16xi32> to vector<32xbf16>
                      %153 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %152, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %154 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %152, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %155 = llvm.getelementptr %142[32] : (!llvm.ptr) -> !llvm.ptr, i32
                      %156 = llvm.load %155 : !llvm.ptr -> i32
                      %157 = vector.broadcast %156 : i32 to vector<16xi32>
                      %158 = vector.bitcast %157 : vector<16xi32> to vector<32xbf16>
                      %159 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %158, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %160 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %158, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %161 = llvm.getelementptr %142[48] : (!llvm.ptr) -> !llvm.ptr, i32
                      %162 = llvm.load %161 : !llvm.ptr -> i32
                      %163 = vector.broadcast %162 : i32 to vector<16xi32>
                      %164 = vector.bitcast %163 : vector<16xi32> to vector<32xbf16>
                      %165 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %164, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %166 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %164, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %167 = llvm.getelementptr %142[64] : (!llvm.ptr) -> !llvm.ptr, i32
                      %168 = llvm.load %167 : !llvm.ptr -> i32
                      %169 = vector.broadcast %168 : i32 to vector<16xi32>
                      %170 = vector.bitcast %169 : vector<16xi32> to vector<32xbf16>
                      %171 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg17, %170, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %172 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg18, %170, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %173 = llvm.getelementptr %142[80] : (!llvm.ptr) -> !llvm.ptr, i32
                      %174 = llvm.load %173 : !llvm.ptr -> i32
                      %175 = vector.broadcast %174 : i32 to vector<16xi32>
                      %176 = vector.bitcast %175 : vector<16xi32> to vector<32xbf16>
                      %177 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg19, %176, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %178 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg20, %176, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %179 = llvm.getelementptr %142[96] : (!llvm.ptr) -> !llvm.ptr, i32
                      %180 = llvm.load %179 : !llvm.ptr -> i32
                      %181 = vector.broadcast %180 : i32 to vector<16xi32>
                      %182 = vector.bitcast %181 : vector<16xi32> to vector<32xbf16>
                      %183 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg21, %182, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %184 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg22, %182, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %185 = llvm.getelementptr %142[112] : (!llvm.ptr) -> !llvm.ptr, i32
                      %186 = llvm.load %185 : !llvm.ptr -> i32
                      %187 = vector.broadcast %186 : i32 to vector<16xi32>
                      %188 = vector.bitcast %187 : vector<16xi32> to vector<32xbf16>
                      %189 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg23, %188, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %190 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg24, %188, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      scf.yield %147, %148, %153, %154, %159, %160, %165, %166, %171, %172, %177, %178, %183, %184, %189, %190 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                    }
                    vector.store %131#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#8, %12[%115, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#9, %12[%117, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#10, %12[%119, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#11, %12[%121, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#12, %12[%123, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#13, %12[%125, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#14, %12[%127, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %131#15, %12[%129, %c0] : memref<?x16xf32>, vector<16xf32>
                  }
                  scf.for %arg7 = %69 to %67 step %c4 {
                    %97 = arith.addi %31, %arg7 : index
                    %98 = arith.addi %94, %arg7 : index
                    %99 = affine.apply #map27(%98)
                    %100 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %101 = affine.apply #map2(%98)
                    %102 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %103 = affine.apply #map(%98)
                    %104 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %105 = affine.apply #map52(%98)
                    %106 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %107 = affine.apply #map28(%98)
                    %108 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %109 = affine.apply #map53(%98)
                    %110 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %111 = affine.apply #map29(%98)
                    %112 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %113 = affine.apply #map54(%98)
                    %114 = arith.bitcast %cst_4 : vector<16xf32> to vector<16xf32>
                    %115:8 = scf.for %arg8 = %c0 to %c8_23 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                      %116 = affine.apply #map9(%92, %arg8)
                      %117 = vector.load %12[%116, %c0] : memref<?x16xf32>, vector<16xf32>
                      %118 = vector.bitcast %117 : vector<16xf32> to vector<32xbf16>
                      %119 = affine.apply #map9(%93, %arg8)
                      %120 = vector.load %12[%119, %c0] : memref<?x16xf32>, vector<16xf32>
                      %121 = vector.bitcast %120 : vector<16xf32> to vector<32xbf16>
                      %122 = arith.divui %arg8, %c16 : index
                      %123 = arith.remui %arg8, %c16 : index
                      %124 = affine.apply #map51(%97, %122, %123)
                      %125 = arith.index_cast %124 : index to i64
                      %126 = llvm.getelementptr %38[%125] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                      %127 = llvm.getelementptr %126[0] : (!llvm.ptr) -> !llvm.ptr, i32
                      %128 = llvm.load %127 : !llvm.ptr -> i32
                      %129 = vector.broadcast %128 : i32 to vector<16xi32>
                      %130 = vector.bitcast %129 : vector<16xi32> to vector<32xbf16>
                      %131 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %130, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %132 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %130, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %133 = llvm.getelementptr %126[16] : (!llvm.ptr) -> !llvm.ptr, i32
                      %134 = llvm.load %133 : !llvm.ptr -> i32
                      %135 = vector.broadcast %134 : i32 to vector<16xi32>
                      %136 = vector.bitcast %135 : vector<16xi32> to vector<32xbf16>
                      %137 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %136, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %138 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %136, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %139 = llvm.getelementptr %126[32] : (!llvm.ptr) -> !llvm.ptr, i32
                      %140 = llvm.load %139 : !llvm.ptr -> i32
                      %141 = vector.broadcast %140 : i32 to vector<16xi32>
                      %142 = vector.bitcast %141 : vector<16xi32> to vector<32xbf16>
                      %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %142, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %144 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %142, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %145 = llvm.getelementptr %126[48] : (!llvm.ptr) -> !llvm.ptr, i32
                      %146 = llvm.load %145 : !llvm.ptr -> i32
                      %147 = vector.broadcast %146 : i32 to vector<16xi32>
                      %148 = vector.bitcast %147 : vector<16xi32> to vector<32xbf16>
                      %149 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %148, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      %150 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %148, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                      scf.yield %131, %132, %137, %138, %143, %144, %149, %150 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                    }
                    vector.store %115#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                    vector.store %115#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                  }
                }
              }
              scf.for %arg6 = %c0 to %67 step %c1 {
                %91 = affine.apply #map9(%32, %arg6)
                %92 = affine.apply #map9(%33, %arg6)
                %93 = affine.apply #map9(%35, %arg6)
                %94 = affine.apply #map9(%36, %arg6)
                %95 = vector.load %12[%94, %c0] : memref<?x16xf32>, vector<16xf32>
                %96:2 = scf.for %arg7 = %c0 to %80 step %c1 iter_args(%arg8 = %cst_5, %arg9 = %cst_5) -> (vector<16xf32>, vector<16xf32>) {
                  %125 = affine.apply #map50(%91, %arg7)
                  %126 = affine.apply #map2(%125)
                  %127 = vector.load %12[%125, %c0] : memref<?x16xf32>, vector<16xf32>
                  %128 = vector.load %12[%126, %c0] : memref<?x16xf32>, vector<16xf32>
                  %129 = arith.cmpf ogt, %127, %arg8 : vector<16xf32>
                  %130 = arith.cmpf ogt, %128, %arg9 : vector<16xf32>
                  %131 = arith.select %129, %127, %arg8 : vector<16xi1>, vector<16xf32>
                  %132 = arith.select %130, %128, %arg9 : vector<16xi1>, vector<16xf32>
                  scf.yield %131, %132 : vector<16xf32>, vector<16xf32>
                }
                %97 = affine.apply #map50(%91, %80)
                %98 = affine.apply #map2(%97)
                %99 = scf.if %81 -> (vector<16xf32>) {
                  %125 = vector.load %12[%97, %c0] : memref<?x16xf32>, vector<16xf32>
                  %126 = vector.load %12[%98, %c0] : memref<?x16xf32>, vector<16xf32>
                  %127 = arith.cmpf ogt, %125, %96#0 : vector<16xf32>
                  %128 = arith.andi %127, %86 : vector<16xi1>
                  %129 = arith.select %128, %125, %96#0 : vector<16xi1>, vector<16xf32>
                  %130 = arith.cmpf ogt, %126, %129 : vector<16xf32>
                  %131 = arith.andi %130, %87 : vector<16xi1>
                  %132 = arith.select %131, %126, %129 : vector<16xi1>, vector<16xf32>
                  scf.yield %132 : vector<16xf32>
                } else {
                  scf.yield %96#0 : vector<16xf32>
                }
                %100 = arith.cmpf ogt, %96#1, %99 : vector<16xf32>
                %101 = arith.select %100, %96#1, %99 : vector<16xi1>, vector<16xf32>
                %102 = vector.shuffle %101, %101 [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7] : vector<16xf32>, vector<16xf32>
                %103 = arith.cmpf ogt, %102, %101 : vector<16xf32>
                %104 = arith.select %103, %102, %101 : vector<16xi1>, vector<16xf32>
                %105 = vector.shuffle %104, %104 [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11] : vector<16xf32>, vector<16xf32>
                %106 = arith.cmpf ogt, %105, %104 : vector<16xf32>
                %107 = arith.select %106, %105, %104 : vector<16xi1>, vector<16xf32>
                %108 = vector.shuffle %107, %107 [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13] : vector<16xf32>, vector<16xf32>
                %109 = arith.cmpf ogt, %108, %107 : vector<16xf32>
                %110 = arith.select %109, %108, %107 : vector<16xi1>, vector<16xf32>
                %111 = vector.shuffle %110, %110 [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14] : vector<16xf32>, vector<16xf32>
                %112 = arith.cmpf ogt, %111, %110 : vector<16xf32>
                %113 = arith.select %112, %111, %110 : vector<16xi1>, vector<16xf32>
                %114 = arith.mulf %113, %cst_13 : vector<16xf32>
                %115 = arith.cmpf ogt, %114, %95 : vector<16xf32>
                %116 = arith.select %115, %114, %95 : vector<16xi1>, vector<16xf32>
                vector.store %116, %12[%94, %c0] : memref<?x16xf32>, vector<16xf32>
                %117 = arith.negf %116 : vector<16xf32>
                %118 = vector.load %12[%93, %c0] : memref<?x16xf32>, vector<16xf32>
                %119 = vector.extract %116[0] : f32 from vector<16xf32>
                %120 = vector.extract %95[0] : f32 from vector<16xf32>
                %121 = arith.cmpf oeq, %119, %120 : f32
                %122 = scf.if %121 -> (vector<16xf32>) {
                  scf.yield %118 : vector<16xf32>
                } else {
                  %125 = arith.subf %95, %116 : vector<16xf32>
                  %126 = math.fma %cst_4, %cst_13, %125 : vector<16xf32>
                  %127 = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%126, %24, %cst_4, %26, %25) : (vector<16xf32>, i32, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %128 = math.fma %cst_18, %127, %cst_17 : vector<16xf32>
                  %129 = math.fma %128, %127, %cst_16 : vector<16xf32>
                  %130 = math.fma %129, %127, %cst_15 : vector<16xf32>
                  %131 = math.fma %130, %127, %cst_14 : vector<16xf32>
                  %132 = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%131, %126, %cst_4, %26, %25) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
                  scf.if %77 {
                    scf.for %arg7 = %c0 to %c1_21 step %c1 {
                      %134 = affine.apply #map59(%34, %arg6, %arg7)
                      %135 = vector.load %12[%134, %c0] : memref<?x16xf32>, vector<16xf32>
                      %136 = arith.mulf %135, %132 : vector<16xf32>
                      vector.store %136, %12[%134, %c0] : memref<?x16xf32>, vector<16xf32>
                    }
                  }
                  %133 = arith.mulf %118, %132 : vector<16xf32>
                  scf.yield %133 : vector<16xf32>
                }
                %123 = scf.for %arg7 = %c0 to %80 step %c1 iter_args(%arg8 = %122) -> (vector<16xf32>) {
                  %125 = affine.apply #map50(%91, %arg7)
                  %126 = affine.apply #map2(%125)
                  %127 = vector.load %12[%125, %c0] : memref<?x16xf32>, vector<16xf32>
                  %128 = vector.load %12[%126, %c0] : memref<?x16xf32>, vector<16xf32>
                  %129 = math.fma %127, %cst_13, %117 : vector<16xf32>
                  %130 = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%129, %24, %cst_4, %26, %25) : (vector<16xf32>, i32, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %131 = math.fma %cst_18, %130, %cst_17 : vector<16xf32>
                  %132 = math.fma %131, %130, %cst_16 : vector<16xf32>
                  %133 = math.fma %132, %130, %cst_15 : vector<16xf32>
                  %134 = math.fma %133, %130, %cst_14 : vector<16xf32>
                  %135 = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%134, %129, %cst_4, %26, %25) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %136 = math.fma %128, %cst_13, %117 : vector<16xf32>
                  %137 = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%136, %24, %cst_4, %26, %25) : (vector<16xf32>, i32, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %138 = math.fma %cst_18, %137, %cst_17 : vector<16xf32>
                  %139 = math.fma %138, %137, %cst_16 : vector<16xf32>
                  %140 = math.fma %139, %137, %cst_15 : vector<16xf32>
                  %141 = math.fma %140, %137, %cst_14 : vector<16xf32>
                  %142 = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%141, %136, %cst_4, %26, %25) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%142, %135) : (vector<16xf32>, vector<16xf32>) -> vector<32xbf16>
                  %144 = vector.bitcast %143 : vector<32xbf16> to vector<16xf32>
                  %145 = affine.apply #map60(%92, %arg7)
                  vector.store %144, %12[%145, %c0] : memref<?x16xf32>, vector<16xf32>
                  %146 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg8, %143, %cst_10) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                  scf.yield %146 : vector<16xf32>
                }
                %124 = scf.if %81 -> (vector<16xf32>) {
                  %125 = vector.load %12[%97, %c0] : memref<?x16xf32>, vector<16xf32>
                  %126 = vector.load %12[%98, %c0] : memref<?x16xf32>, vector<16xf32>
                  %127 = math.fma %125, %cst_13, %117 : vector<16xf32>
                  %128 = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%127, %24, %cst_4, %26, %25) : (vector<16xf32>, i32, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %129 = math.fma %cst_18, %128, %cst_17 : vector<16xf32>
                  %130 = math.fma %129, %128, %cst_16 : vector<16xf32>
                  %131 = math.fma %130, %128, %cst_15 : vector<16xf32>
                  %132 = math.fma %131, %128, %cst_14 : vector<16xf32>
                  %133 = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%132, %127, %cst_4, %26, %25) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %134 = math.fma %126, %cst_13, %117 : vector<16xf32>
                  %135 = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%134, %24, %cst_4, %26, %25) : (vector<16xf32>, i32, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %136 = math.fma %cst_18, %135, %cst_17 : vector<16xf32>
                  %137 = math.fma %136, %135, %cst_16 : vector<16xf32>
                  %138 = math.fma %137, %135, %cst_15 : vector<16xf32>
                  %139 = math.fma %138, %135, %cst_14 : vector<16xf32>
                  %140 = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%139, %134, %cst_4, %26, %25) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
                  %141 = arith.select %86, %133, %cst_4 : vector<16xi1>, vector<16xf32>
                  %142 = arith.select %87, %140, %cst_4 : vector<16xi1>, vector<16xf32>
                  %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%142, %141) : (vector<16xf32>, vector<16xf32>) -> vector<32xbf16>
                  %144 = vector.bitcast %143 : vector<32xbf16> to vector<16xf32>
                  %145 = affine.apply #map60(%92, %80)
                  vector.store %144, %12[%145, %c0] : memref<?x16xf32>, vector<16xf32>
                  %146 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%123, %143, %cst_10) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                  scf.yield %146 : vector<16xf32>
                } else {
                  scf.yield %123 : vector<16xf32>
                }
                vector.store %124, %12[%93, %c0] : memref<?x16xf32>, vector<16xf32>
              }
              %88 = affine.apply #map61(%76)
              %89 = arith.ceildivui %78, %c2 : index
              %90 = arith.minsi %88, %89 : index
              scf.for %arg6 = %c0 to %c0_24 step %c1 {
                %91 = arith.muli %arg6, %c2 : index
                %92 = arith.muli %91, %28 : index
                %93 = affine.apply #map26(%30, %92, %arg5)
                %94 = affine.apply #map7(%93, %28)
                %95 = affine.apply #map50(%34, %arg6)
                scf.for %arg7 = %c0 to %69 step %c8_22 {
                  %96 = arith.addi %33, %arg7 : index
                  %97 = arith.addi %95, %arg7 : index
                  %98 = vector.broadcast %77 : i1 to vector<16xi1>
                  %99 = affine.apply #map27(%97)
                  %100 = vector.maskedload %12[%99, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %101 = affine.apply #map2(%97)
                  %102 = vector.maskedload %12[%101, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %103 = affine.apply #map(%97)
                  %104 = vector.maskedload %12[%103, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %105 = affine.apply #map52(%97)
                  %106 = vector.maskedload %12[%105, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %107 = affine.apply #map28(%97)
                  %108 = vector.maskedload %12[%107, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %109 = affine.apply #map53(%97)
                  %110 = vector.maskedload %12[%109, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %111 = affine.apply #map29(%97)
                  %112 = vector.maskedload %12[%111, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %113 = affine.apply #map54(%97)
                  %114 = vector.maskedload %12[%113, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %115 = affine.apply #map30(%97)
                  %116 = vector.maskedload %12[%115, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %117 = affine.apply #map55(%97)
                  %118 = vector.maskedload %12[%117, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %119 = affine.apply #map31(%97)
                  %120 = vector.maskedload %12[%119, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %121 = affine.apply #map56(%97)
                  %122 = vector.maskedload %12[%121, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %123 = affine.apply #map32(%97)
                  %124 = vector.maskedload %12[%123, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %125 = affine.apply #map57(%97)
                  %126 = vector.maskedload %12[%125, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %127 = affine.apply #map33(%97)
                  %128 = vector.maskedload %12[%127, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %129 = affine.apply #map58(%97)
                  %130 = vector.maskedload %12[%129, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %131:16 = scf.for %arg8 = %c0 to %90 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114, %arg17 = %116, %arg18 = %118, %arg19 = %120, %arg20 = %122, %arg21 = %124, %arg22 = %126, %arg23 = %128, %arg24 = %130) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                    %132 = affine.apply #map9(%93, %arg8)
                    %133 = vector.load %12[%132, %c0] : memref<?x16xf32>, vector<16xf32>
                    %134 = vector.bitcast %133 : vector<16xf32> to vector<32xbf16>
                    %135 = affine.apply #map9(%94, %arg8)
                    %136 = vector.load %12[%135, %c0] : memref<?x16xf32>, vector<16xf32>
                    %137 = vector.bitcast %136 : vector<16xf32> to vector<32xbf16>
                    %138 = arith.divui %arg8, %c16 : index
                    %139 = arith.remui %arg8, %c16 : index
                    %140 = affine.apply #map51(%96, %138, %139)
                    %141 = arith.index_cast %140 : index to i64
                    %142 = llvm.getelementptr %38[%141] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                    %143 = llvm.getelementptr %142[0] : (!llvm.ptr) -> !llvm.ptr, i32
                    %144 = llvm.load %143 : !llvm.ptr -> i32
                    %145 = vector.broadcast %144 : i32 to vector<16xi32>
                    %146 = vector.bitcast %145 : vector<16xi32> to vector<32xbf16>
                    %147 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %146, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %148 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %146, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %149 = llvm.getelementptr %142[16] : (!llvm.ptr) -> !llvm.ptr, i32
                    %150 = llvm.load %149 : !llvm.ptr -> i32
                    %151 = vector.broadcast %150 : i32 to vector<16xi32>
                    %152 = vector.bitcast %151 : vector<16xi32> to vector<32xbf16>
                    %153 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %152, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %154 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %152, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %155 = llvm.getelementptr %142[32] : (!llvm.ptr) -> !llvm.ptr, i32
                    %156 = llvm.load %155 : !llvm.ptr -> i32
                    %157 = vector.broadcast %156 : i32 to vector<16xi32>
                    %158 = vector.bitcast %157 : vector<16xi32> to vector<32xbf16>
                    %159 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %158, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %160 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %158, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %161 = llvm.getelementptr %142[48] : (!llvm.ptr) -> !llvm.ptr, i32
                    %162 = llvm.load %161 : !llvm.ptr -> i32
                    %163 = vector.broadcast %162 : i32 to vector<16xi32>
                    %164 = vector.bitcast %163 : vector<16xi32> to vector<32xbf16>
                    %165 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %164, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %166 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %164, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %167 = llvm.getelementptr %142[64] : (!llvm.ptr) -> !llvm.ptr, i32
                    %168 = llvm.load %167 : !llvm.ptr -> i32
                    %169 = vector.broadcast %168 : i32 to vector<16xi32>
                    %170 = vector.bitcast %169 : vector<16xi32> to vector<32xbf16>
                    %171 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg17, %170, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %172 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg18, %170, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %173 = llvm.getelementptr %142[80] : (!llvm.ptr) -> !llvm.ptr, i32
                    %174 = llvm.load %173 : !llvm.ptr -> i32
                    %175 = vector.broadcast %174 : i32 to vector<16xi32>
                    %176 = vector.bitcast %175 : vector<16xi32> to vector<32xbf16>
                    %177 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg19, %176, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %178 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg20, %176, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %179 = llvm.getelementptr %142[96] : (!llvm.ptr) -> !llvm.ptr, i32
                    %180 = llvm.load %179 : !llvm.ptr -> i32
                    %181 = vector.broadcast %180 : i32 to vector<16xi32>
                    %182 = vector.bitcast %181 : vector<16xi32> to vector<32xbf16>
                    %183 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg21, %182, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %184 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg22, %182, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %185 = llvm.getelementptr %142[112] : (!llvm.ptr) -> !llvm.ptr, i32
                    %186 = llvm.load %185 : !llvm.ptr -> i32
                    %187 = vector.broadcast %186 : i32 to vector<16xi32>
                    %188 = vector.bitcast %187 : vector<16xi32> to vector<32xbf16>
                    %189 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg23, %188, %134) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %190 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg24, %188, %137) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    scf.yield %147, %148, %153, %154, %159, %160, %165, %166, %171, %172, %177, %178, %183, %184, %189, %190 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                  }
                  vector.store %131#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#8, %12[%115, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#9, %12[%117, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#10, %12[%119, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#11, %12[%121, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#12, %12[%123, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#13, %12[%125, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#14, %12[%127, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %131#15, %12[%129, %c0] : memref<?x16xf32>, vector<16xf32>
                }
                scf.for %arg7 = %69 to %67 step %c4 {
                  %96 = arith.addi %33, %arg7 : index
                  %97 = arith.addi %95, %arg7 : index
                  %98 = vector.broadcast %77 : i1 to vector<16xi1>
                  %99 = affine.apply #map27(%97)
                  %100 = vector.maskedload %12[%99, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %101 = affine.apply #map2(%97)
                  %102 = vector.maskedload %12[%101, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %103 = affine.apply #map(%97)
                  %104 = vector.maskedload %12[%103, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %105 = affine.apply #map52(%97)
                  %106 = vector.maskedload %12[%105, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %107 = affine.apply #map28(%97)
                  %108 = vector.maskedload %12[%107, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %109 = affine.apply #map53(%97)
                  %110 = vector.maskedload %12[%109, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %111 = affine.apply #map29(%97)
                  %112 = vector.maskedload %12[%111, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %113 = affine.apply #map54(%97)
                  %114 = vector.maskedload %12[%113, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %115:8 = scf.for %arg8 = %c0 to %90 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                    %116 = affine.apply #map9(%93, %arg8)
                    %117 = vector.load %12[%116, %c0] : memref<?x16xf32>, vector<16xf32>
                    %118 = vector.bitcast %117 : vector<16xf32> to vector<32xbf16>
                    %119 = affine.apply #map9(%94, %arg8)
                    %120 = vector.load %12[%119, %c0] : memref<?x16xf32>, vector<16xf32>
                    %121 = vector.bitcast %120 : vector<16xf32> to vector<32xbf16>
                    %122 = arith.divui %arg8, %c16 : index
                    %123 = arith.remui %arg8, %c16 : index
                    %124 = affine.apply #map51(%96, %122, %123)
                    %125 = arith.index_cast %124 : index to i64
                    %126 = llvm.getelementptr %38[%125] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                    %127 = llvm.getelementptr %126[0] : (!llvm.ptr) -> !llvm.ptr, i32
                    %128 = llvm.load %127 : !llvm.ptr -> i32
                    %129 = vector.broadcast %128 : i32 to vector<16xi32>
                    %130 = vector.bitcast %129 : vector<16xi32> to vector<32xbf16>
                    %131 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %130, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %132 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %130, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %133 = llvm.getelementptr %126[16] : (!llvm.ptr) -> !llvm.ptr, i32
                    %134 = llvm.load %133 : !llvm.ptr -> i32
                    %135 = vector.broadcast %134 : i32 to vector<16xi32>
                    %136 = vector.bitcast %135 : vector<16xi32> to vector<32xbf16>
                    %137 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %136, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %138 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %136, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %139 = llvm.getelementptr %126[32] : (!llvm.ptr) -> !llvm.ptr, i32
                    %140 = llvm.load %139 : !llvm.ptr -> i32
                    %141 = vector.broadcast %140 : i32 to vector<16xi32>
                    %142 = vector.bitcast %141 : vector<16xi32> to vector<32xbf16>
                    %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %142, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %144 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %142, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %145 = llvm.getelementptr %126[48] : (!llvm.ptr) -> !llvm.ptr, i32
                    %146 = llvm.load %145 : !llvm.ptr -> i32
                    %147 = vector.broadcast %146 : i32 to vector<16xi32>
                    %148 = vector.bitcast %147 : vector<16xi32> to vector<32xbf16>
                    %149 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %148, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %150 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %148, %121) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    scf.yield %131, %132, %137, %138, %143, %144, %149, %150 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                  }
                  vector.store %115#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                }
              }
              scf.for %arg6 = %c0_24 to %c1_20 step %c1 {
                %91 = arith.muli %arg6, %c2 : index
                %92 = arith.muli %91, %28 : index
                %93 = affine.apply #map26(%30, %92, %arg5)
                %94 = affine.apply #map7(%93, %28)
                %95 = affine.apply #map50(%34, %arg6)
                scf.for %arg7 = %c0 to %69 step %c8_22 {
                  %96 = arith.addi %33, %arg7 : index
                  %97 = arith.addi %95, %arg7 : index
                  %98 = vector.broadcast %77 : i1 to vector<16xi1>
                  %99 = affine.apply #map27(%97)
                  %100 = vector.maskedload %12[%99, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %101 = affine.apply #map(%97)
                  %102 = vector.maskedload %12[%101, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %103 = affine.apply #map28(%97)
                  %104 = vector.maskedload %12[%103, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %105 = affine.apply #map29(%97)
                  %106 = vector.maskedload %12[%105, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %107 = affine.apply #map30(%97)
                  %108 = vector.maskedload %12[%107, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %109 = affine.apply #map31(%97)
                  %110 = vector.maskedload %12[%109, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %111 = affine.apply #map32(%97)
                  %112 = vector.maskedload %12[%111, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %113 = affine.apply #map33(%97)
                  %114 = vector.maskedload %12[%113, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %115:8 = scf.for %arg8 = %c0 to %90 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106, %arg13 = %108, %arg14 = %110, %arg15 = %112, %arg16 = %114) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                    %116 = affine.apply #map9(%93, %arg8)
                    %117 = vector.load %12[%116, %c0] : memref<?x16xf32>, vector<16xf32>
                    %118 = vector.bitcast %117 : vector<16xf32> to vector<32xbf16>
                    %119 = arith.divui %arg8, %c16 : index
                    %120 = arith.remui %arg8, %c16 : index
                    %121 = affine.apply #map51(%96, %119, %120)
                    %122 = arith.index_cast %121 : index to i64
                    %123 = llvm.getelementptr %38[%122] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                    %124 = llvm.getelementptr %123[0] : (!llvm.ptr) -> !llvm.ptr, i32
                    %125 = llvm.load %124 : !llvm.ptr -> i32
                    %126 = vector.broadcast %125 : i32 to vector<16xi32>
                    %127 = vector.bitcast %126 : vector<16xi32> to vector<32xbf16>
                    %128 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %127, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %129 = llvm.getelementptr %123[16] : (!llvm.ptr) -> !llvm.ptr, i32
                    %130 = llvm.load %129 : !llvm.ptr -> i32
                    %131 = vector.broadcast %130 : i32 to vector<16xi32>
                    %132 = vector.bitcast %131 : vector<16xi32> to vector<32xbf16>
                    %133 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %132, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %134 = llvm.getelementptr %123[32] : (!llvm.ptr) -> !llvm.ptr, i32
                    %135 = llvm.load %134 : !llvm.ptr -> i32
                    %136 = vector.broadcast %135 : i32 to vector<16xi32>
                    %137 = vector.bitcast %136 : vector<16xi32> to vector<32xbf16>
                    %138 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %137, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %139 = llvm.getelementptr %123[48] : (!llvm.ptr) -> !llvm.ptr, i32
                    %140 = llvm.load %139 : !llvm.ptr -> i32
                    %141 = vector.broadcast %140 : i32 to vector<16xi32>
                    %142 = vector.bitcast %141 : vector<16xi32> to vector<32xbf16>
                    %143 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %142, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %144 = llvm.getelementptr %123[64] : (!llvm.ptr) -> !llvm.ptr, i32
                    %145 = llvm.load %144 : !llvm.ptr -> i32
                    %146 = vector.broadcast %145 : i32 to vector<16xi32>
                    %147 = vector.bitcast %146 : vector<16xi32> to vector<32xbf16>
                    %148 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg13, %147, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %149 = llvm.getelementptr %123[80] : (!llvm.ptr) -> !llvm.ptr, i32
                    %150 = llvm.load %149 : !llvm.ptr -> i32
                    %151 = vector.broadcast %150 : i32 to vector<16xi32>
                    %152 = vector.bitcast %151 : vector<16xi32> to vector<32xbf16>
                    %153 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg14, %152, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %154 = llvm.getelementptr %123[96] : (!llvm.ptr) -> !llvm.ptr, i32
                    %155 = llvm.load %154 : !llvm.ptr -> i32
                    %156 = vector.broadcast %155 : i32 to vector<16xi32>
                    %157 = vector.bitcast %156 : vector<16xi32> to vector<32xbf16>
                    %158 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg15, %157, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %159 = llvm.getelementptr %123[112] : (!llvm.ptr) -> !llvm.ptr, i32
                    %160 = llvm.load %159 : !llvm.ptr -> i32
                    %161 = vector.broadcast %160 : i32 to vector<16xi32>
                    %162 = vector.bitcast %161 : vector<16xi32> to vector<32xbf16>
                    %163 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg16, %162, %118) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    scf.yield %128, %133, %138, %143, %148, %153, %158, %163 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                  }
                  vector.store %115#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#4, %12[%107, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#5, %12[%109, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#6, %12[%111, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %115#7, %12[%113, %c0] : memref<?x16xf32>, vector<16xf32>
                }
                scf.for %arg7 = %69 to %67 step %c4 {
                  %96 = arith.addi %33, %arg7 : index
                  %97 = arith.addi %95, %arg7 : index
                  %98 = vector.broadcast %77 : i1 to vector<16xi1>
                  %99 = affine.apply #map27(%97)
                  %100 = vector.maskedload %12[%99, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %101 = affine.apply #map(%97)
                  %102 = vector.maskedload %12[%101, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %103 = affine.apply #map28(%97)
                  %104 = vector.maskedload %12[%103, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %105 = affine.apply #map29(%97)
                  %106 = vector.maskedload %12[%105, %c0], %98, %cst_4 : memref<?x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
                  %107:4 = scf.for %arg8 = %c0 to %90 step %c1 iter_args(%arg9 = %100, %arg10 = %102, %arg11 = %104, %arg12 = %106) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                    %108 = affine.apply #map9(%93, %arg8)
                    %109 = vector.load %12[%108, %c0] : memref<?x16xf32>, vector<16xf32>
                    %110 = vector.bitcast %109 : vector<16xf32> to vector<32xbf16>
                    %111 = arith.divui %arg8, %c16 : index
                    %112 = arith.remui %arg8, %c16 : index
                    %113 = affine.apply #map51(%96, %111, %112)
                    %114 = arith.index_cast %113 : index to i64
                    %115 = llvm.getelementptr %38[%114] : (!llvm.ptr, i64) -> !llvm.ptr, i32
                    %116 = llvm.getelementptr %115[0] : (!llvm.ptr) -> !llvm.ptr, i32
                    %117 = llvm.load %116 : !llvm.ptr -> i32
                    %118 = vector.broadcast %117 : i32 to vector<16xi32>
                    %119 = vector.bitcast %118 : vector<16xi32> to vector<32xbf16>
                    %120 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg9, %119, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %121 = llvm.getelementptr %115[16] : (!llvm.ptr) -> !llvm.ptr, i32
                    %122 = llvm.load %121 : !llvm.ptr -> i32
                    %123 = vector.broadcast %122 : i32 to vector<16xi32>
                    %124 = vector.bitcast %123 : vector<16xi32> to vector<32xbf16>
                    %125 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg10, %124, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %126 = llvm.getelementptr %115[32] : (!llvm.ptr) -> !llvm.ptr, i32
                    %127 = llvm.load %126 : !llvm.ptr -> i32
                    %128 = vector.broadcast %127 : i32 to vector<16xi32>
                    %129 = vector.bitcast %128 : vector<16xi32> to vector<32xbf16>
                    %130 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg11, %129, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    %131 = llvm.getelementptr %115[48] : (!llvm.ptr) -> !llvm.ptr, i32
                    %132 = llvm.load %131 : !llvm.ptr -> i32
                    %133 = vector.broadcast %132 : i32 to vector<16xi32>
                    %134 = vector.bitcast %133 : vector<16xi32> to vector<32xbf16>
                    %135 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%arg12, %134, %110) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
                    scf.yield %120, %125, %130, %135 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
                  }
                  vector.store %107#0, %12[%99, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %107#1, %12[%101, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %107#2, %12[%103, %c0] : memref<?x16xf32>, vector<16xf32>
                  vector.store %107#3, %12[%105, %c0] : memref<?x16xf32>, vector<16xf32>
                }
              }
            }
            scf.for %arg5 = %c0 to %67 step %c1 {
              %75 = arith.addi %35, %arg5 : index
              %76 = vector.load %12[%75, %c0] : memref<?x16xf32>, vector<16xf32>
              %77 = vector.reduction <add>, %76 fastmath<reassoc> : vector<16xf32> into f32
              %78 = vector.broadcast %77 : f32 to vector<16xf32>
              %79 = arith.divf %cst_11, %78 : vector<16xf32>
              %80 = arith.addi %arg4, %arg5 : index
              scf.for %arg6 = %c0 to %c1_20 step %c1 {
                %81 = affine.apply #map6(%arg6)
                %82 = affine.apply #map62(%34, %arg6, %arg5)
                %83 = affine.apply #map2(%82)
                %84 = vector.load %12[%82, %c0] : memref<?x16xf32>, vector<16xf32>
                %85 = arith.mulf %84, %79 : vector<16xf32>
                %86 = vector.load %12[%83, %c0] : memref<?x16xf32>, vector<16xf32>
                %87 = arith.mulf %86, %79 : vector<16xf32>
                %88 = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%87, %85) : (vector<16xf32>, vector<16xf32>) -> vector<32xbf16>
                vector.transfer_write %88, %11[%40, %80, %41, %81] : vector<32xbf16>, memref<?x?x2x16xbf16>
              }
            }
          }
          scf.yield %44, %c0_25, %54 : index, index, index
        }
        return
      }
    }
  }
  util.func private @attention(%arg0: tensor<?x?x2x16xbf16>, %arg1: tensor<?x?x2x16xbf16>, %arg2: tensor<?x?x2x16xbf16>) -> tensor<?x?x2x16xbf16> {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?x2x16xbf16>
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?x2x16xbf16>
    %c2 = arith.constant 2 : index
    %c24 = arith.constant 24 : index
    %0 = arith.ceildivui %dim_0, %c24 : index
    %1 = arith.muli %dim, %c2 : index
    %2 = arith.muli %0, %1 : index
    %c8 = arith.constant 8 : index
    %3 = arith.minui %2, %c8 : index
    %c32 = arith.constant 32 : index
    %4 = arith.ceildivui %dim_0, %c32 : index
    %c64 = arith.constant 64 : index
    %c1128 = arith.constant 1128 : index
    %5 = arith.muli %4, %c64 : index
    %6 = arith.addi %5, %c1128 : index
    %7 = arith.muli %6, %3 : index
    %8 = arith.index_castui %dim : index to i32
    %9 = arith.index_castui %dim_0 : index to i32
    %10 = arith.index_castui %6 : index to i32
    %11 = arith.index_castui %7 : index to i32
    %12:2 = flow.dispatch @attention_attention_pairs::@attention_attention_pairs[%3](%8, %9, %10, %11, %arg0, %arg1, %arg2) : (i32, i32, i32, i32, tensor<?x?x2x16xbf16>{%dim, %dim_0}, tensor<?x?x2x16xbf16>{%dim, %dim_0}, tensor<?x?x2x16xbf16>{%dim, %dim_0}) -> (tensor<?x?x2x16xbf16>{%dim, %dim_0}, tensor<?x16xf32>{%7})
    util.return %12#0 : tensor<?x?x2x16xbf16>
  }
}

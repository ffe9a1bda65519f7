!query = tensor<?x?x12x32xf32>
!kv = tensor<?x?x12x32xf32>
!out = tensor<?x?x12x32xf32>
!cu = tensor<?xi32>
!buf = memref<32x16xf32>
#scale = 0.17677669 : f32
#heads = 12 : index
#group = 1 : index
#depth = 32 : index

// Attention over packed segments, written for CPUs: one workgroup takes up to 64 positions of one
// head of one batch element, and walks the segments of these positions. Vector lanes are 16 query
// positions, so the online softmax needs no reduction across lanes, and key and value elements are
// broadcast. Dot products are summed in blocks of 16 channels and of 32 keys, which lowers the
// rounding error. The scale is applied to differences of scores (its sign to the query), where it
// costs the least accuracy.
// Scratch is (128 * depth + 2048) bytes of stack, which has to stay below the compiler's limit
// (--iree-llvmcpu-stack-allocation-limit, 32768: depth <= 240).
// Segment bounds are clamped to [0, S]; positions outside of all segments keep zeros.
util.func private @mm_encoder_attn_varlen(%query: !query, %key: !kv, %value: !kv, %cu_seqlens: !cu) -> !out {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %query, %c0 : !query
  %seq = tensor.dim %query, %c1 : !query
  %ncu = tensor.dim %cu_seqlens, %c0 : !cu
  %m_ = arith.constant 64 : index
  %nblk_ = arith.ceildivui %seq, %m_ : index
  %heads_ = arith.constant #heads
  %res = flow.dispatch.workgroups[%nblk_, %heads_, %batch](%query, %key, %value, %batch, %seq, %cu_seqlens, %ncu) : (!query{%batch, %seq}, !kv{%batch, %seq}, !kv{%batch, %seq}, index, index, !cu{%ncu}, index) -> !out{%batch, %seq} =
  (%qa: !iree_tensor_ext.dispatch.tensor<readonly:!query>, %ka: !iree_tensor_ext.dispatch.tensor<readonly:!kv>, %va: !iree_tensor_ext.dispatch.tensor<readonly:!kv>, %b: index, %s: index, %da: !iree_tensor_ext.dispatch.tensor<readonly:!cu>, %nc: index, %oa: !iree_tensor_ext.dispatch.tensor<writeonly:!out>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %m = arith.constant 64 : index
    %rows = arith.constant 16 : index
    %kblock = arith.constant 32 : index
    %c8 = arith.constant 8 : index
    %dblock = arith.constant 16 : index
    %heads = arith.constant #heads
    %group = arith.constant #group
    %depth = arith.constant #depth
    %dmain0 = arith.divui %depth, %c8 : index
    %dmain = arith.muli %dmain0, %c8 : index
    %scale = arith.constant #scale
    %onef = arith.constant 1.0 : f32
    %sign = math.copysign %onef, %scale : f32
    %scaleabs = math.absf %scale : f32
    %scalev = vector.broadcast %scaleabs : f32 to vector<16xf32>
    %zero = arith.constant dense<0.0> : vector<16xf32>
    %zerof = arith.constant 0.0 : f32
    %one = arith.constant dense<1.0> : vector<16xf32>
    %lowest = arith.constant dense<0xFF7FFFFF> : vector<16xf32>
    %log2e = arith.constant dense<1.44269504> : vector<16xf32>
    %magic = arith.constant dense<1.2582912e7> : vector<16xf32>
    %nln2hi = arith.constant dense<-0.693145752> : vector<16xf32>
    %nln2lo = arith.constant dense<-1.42860677e-6> : vector<16xf32>
    %under = arith.constant dense<-87.0> : vector<16xf32>
    %c23 = arith.constant dense<23> : vector<16xi32>
    %e7 = arith.constant dense<1.98756915e-4> : vector<16xf32>
    %e6 = arith.constant dense<1.39819995e-3> : vector<16xf32>
    %e5 = arith.constant dense<8.33345191e-3> : vector<16xf32>
    %e4 = arith.constant dense<4.16657962e-2> : vector<16xf32>
    %e3 = arith.constant dense<1.66666655e-1> : vector<16xf32>
    %e2 = arith.constant dense<0.5> : vector<16xf32>
    %hkv = arith.divui %heads, %group : index
    %qs = flow.dispatch.tie_shape %qa : !iree_tensor_ext.dispatch.tensor<readonly:!query>{%b, %s}
    %ks = flow.dispatch.tie_shape %ka : !iree_tensor_ext.dispatch.tensor<readonly:!kv>{%b, %s}
    %vs = flow.dispatch.tie_shape %va : !iree_tensor_ext.dispatch.tensor<readonly:!kv>{%b, %s}
    %os = flow.dispatch.tie_shape %oa : !iree_tensor_ext.dispatch.tensor<writeonly:!out>{%b, %s}
    %qd = iree_tensor_ext.dispatch.tensor.load %qs, offsets = [%c0, %c0, %c0, %c0], sizes = [%b, %s, %heads, %depth], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:!query>{%b, %s} -> tensor<?x?x?x?xf32>
    %kd = iree_tensor_ext.dispatch.tensor.load %ks, offsets = [%c0, %c0, %c0, %c0], sizes = [%b, %s, %hkv, %depth], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:!kv>{%b, %s} -> tensor<?x?x?x?xf32>
    %vd = iree_tensor_ext.dispatch.tensor.load %vs, offsets = [%c0, %c0, %c0, %c0], sizes = [%b, %s, %hkv, %depth], strides = [1, 1, 1, 1] : !iree_tensor_ext.dispatch.tensor<readonly:!kv>{%b, %s} -> tensor<?x?x?x?xf32>
    %mb = flow.dispatch.workgroup.id[0] : index
    %h = flow.dispatch.workgroup.id[1] : index
    %bi = flow.dispatch.workgroup.id[2] : index
    %kh = arith.divui %h, %group : index
    %m0 = arith.muli %mb, %m : index
    %mrest = arith.subi %s, %m0 : index
    %mlen = arith.minsi %mrest, %m : index
    %mend = arith.addi %m0, %mlen : index
    %qt = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !buf
    %ot = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> !buf
    %p = "memref.alloca"() <{alignment = 64 : i64, operandSegmentSizes = array<i32: 0, 0>}> : () -> memref<32x16xf32>
    %dst0 = tensor.empty(%c1, %mlen, %c1, %depth) : tensor<?x?x?x?xf32>
    %cus = flow.dispatch.tie_shape %da : !iree_tensor_ext.dispatch.tensor<readonly:!cu>{%nc}
    %cud = iree_tensor_ext.dispatch.tensor.load %cus, offsets = [0], sizes = [%nc], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:!cu>{%nc} -> !cu
    %ne0 = arith.maxsi %nc, %c1 : index
    %nseg = arith.subi %ne0, %c1 : index
    %dstz = scf.for %r = %c0 to %mlen step %c1 iter_args(%dz0 = %dst0) -> (tensor<?x?x?x?xf32>) {
      %dz3 = scf.for %d = %c0 to %depth step %c1 iter_args(%dz1 = %dz0) -> (tensor<?x?x?x?xf32>) {
        %dz2 = tensor.insert %zerof into %dz1[%c0, %r, %c0, %d] : tensor<?x?x?x?xf32>
        scf.yield %dz2 : tensor<?x?x?x?xf32>
      }
      scf.yield %dz3 : tensor<?x?x?x?xf32>
    }
    %tile = scf.for %sg = %c0 to %nseg step %c1 iter_args(%dst1 = %dstz) -> (tensor<?x?x?x?xf32>) {
      %sg1 = arith.addi %sg, %c1 : index
      %lo32 = tensor.extract %cud[%sg] : !cu
      %hi32 = tensor.extract %cud[%sg1] : !cu
      %lo_i = arith.index_cast %lo32 : i32 to index
      %hi_i = arith.index_cast %hi32 : i32 to index
      %lo = arith.maxsi %lo_i, %c0 : index
      %hi = arith.minsi %hi_i, %s : index
      %r0 = arith.maxsi %lo, %m0 : index
      %r1 = arith.minsi %hi, %mend : index
      %last = arith.subi %hi, %c1 : index
      %t1 = scf.for %rb = %r0 to %r1 step %rows iter_args(%dst2 = %dst1) -> (tensor<?x?x?x?xf32>) {
        %rrest = arith.subi %r1, %rb : index
        %rn = arith.minsi %rrest, %rows : index
        %rlast = arith.subi %rn, %c1 : index
        scf.for %r = %c0 to %rows step %c1 {
          %rc = arith.minsi %r, %rlast : index
          %ri = arith.addi %rb, %rc : index
          scf.for %d = %c0 to %depth step %c1 {
            %x = tensor.extract %qd[%bi, %ri, %h, %d] : tensor<?x?x?x?xf32>
            %xs = arith.mulf %x, %sign : f32
            memref.store %xs, %qt[%d, %r] : !buf
          }
        }
        scf.for %d = %c0 to %depth step %c1 {
          vector.store %zero, %ot[%d, %c0] : !buf, vector<16xf32>
        }
        %ml:2 = scf.for %kb = %lo to %hi step %kblock iter_args(%mold = %lowest, %lold = %zero) -> (vector<16xf32>, vector<16xf32>) {
          %krest = arith.subi %hi, %kb : index
          %kn = arith.minsi %krest, %kblock : index
          %mnew = scf.for %jb = %c0 to %kn step %c8 iter_args(%mx = %mold) -> (vector<16xf32>) {
            %j0 = arith.addi %kb, %jb : index
            %i1 = arith.constant 1 : index
            %ja1 = arith.addi %j0, %i1 : index
            %j1 = arith.minsi %ja1, %last : index
            %i2 = arith.constant 2 : index
            %ja2 = arith.addi %j0, %i2 : index
            %j2 = arith.minsi %ja2, %last : index
            %i3 = arith.constant 3 : index
            %ja3 = arith.addi %j0, %i3 : index
            %j3 = arith.minsi %ja3, %last : index
            %i4 = arith.constant 4 : index
            %ja4 = arith.addi %j0, %i4 : index
            %j4 = arith.minsi %ja4, %last : index
            %i5 = arith.constant 5 : index
            %ja5 = arith.addi %j0, %i5 : index
            %j5 = arith.minsi %ja5, %last : index
            %i6 = arith.constant 6 : index
            %ja6 = arith.addi %j0, %i6 : index
            %j6 = arith.minsi %ja6, %last : index
            %i7 = arith.constant 7 : index
            %ja7 = arith.addi %j0, %i7 : index
            %j7 = arith.minsi %ja7, %last : index
            %acc:8 = scf.for %db = %c0 to %depth step %dblock iter_args(%t0 = %zero, %t1 = %zero, %t2 = %zero, %t3 = %zero, %t4 = %zero, %t5 = %zero, %t6 = %zero, %t7 = %zero) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
              %drest = arith.subi %depth, %db : index
              %dn = arith.minsi %drest, %dblock : index
              %dend = arith.addi %db, %dn : index
              %part:8 = scf.for %d = %db to %dend step %c1 iter_args(%a0 = %zero, %a1 = %zero, %a2 = %zero, %a3 = %zero, %a4 = %zero, %a5 = %zero, %a6 = %zero, %a7 = %zero) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
                %qv = vector.load %qt[%d, %c0] : !buf, vector<16xf32>
                %k0 = tensor.extract %kd[%bi, %j0, %kh, %d] : tensor<?x?x?x?xf32>
                %kv0 = vector.broadcast %k0 : f32 to vector<16xf32>
                %n0 = math.fma %kv0, %qv, %a0 : vector<16xf32>
                %k1 = tensor.extract %kd[%bi, %j1, %kh, %d] : tensor<?x?x?x?xf32>
                %kv1 = vector.broadcast %k1 : f32 to vector<16xf32>
                %n1 = math.fma %kv1, %qv, %a1 : vector<16xf32>
                %k2 = tensor.extract %kd[%bi, %j2, %kh, %d] : tensor<?x?x?x?xf32>
                %kv2 = vector.broadcast %k2 : f32 to vector<16xf32>
                %n2 = math.fma %kv2, %qv, %a2 : vector<16xf32>
                %k3 = tensor.extract %kd[%bi, %j3, %kh, %d] : tensor<?x?x?x?xf32>
                %kv3 = vector.broadcast %k3 : f32 to vector<16xf32>
                %n3 = math.fma %kv3, %qv, %a3 : vector<16xf32>
                %k4 = tensor.extract %kd[%bi, %j4, %kh, %d] : tensor<?x?x?x?xf32>
                %kv4 = vector.broadcast %k4 : f32 to vector<16xf32>
                %n4 = math.fma %kv4, %qv, %a4 : vector<16xf32>
                %k5 = tensor.extract %kd[%bi, %j5, %kh, %d] : tensor<?x?x?x?xf32>
                %kv5 = vector.broadcast %k5 : f32 to vector<16xf32>
                %n5 = math.fma %kv5, %qv, %a5 : vector<16xf32>
                %k6 = tensor.extract %kd[%bi, %j6, %kh, %d] : tensor<?x?x?x?xf32>
                %kv6 = vector.broadcast %k6 : f32 to vector<16xf32>
                %n6 = math.fma %kv6, %qv, %a6 : vector<16xf32>
                %k7 = tensor.extract %kd[%bi, %j7, %kh, %d] : tensor<?x?x?x?xf32>
                %kv7 = vector.broadcast %k7 : f32 to vector<16xf32>
                %n7 = math.fma %kv7, %qv, %a7 : vector<16xf32>
                scf.yield %n0, %n1, %n2, %n3, %n4, %n5, %n6, %n7 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
              }
              %u0 = arith.addf %t0, %part#0 : vector<16xf32>
              %u1 = arith.addf %t1, %part#1 : vector<16xf32>
              %u2 = arith.addf %t2, %part#2 : vector<16xf32>
              %u3 = arith.addf %t3, %part#3 : vector<16xf32>
              %u4 = arith.addf %t4, %part#4 : vector<16xf32>
              %u5 = arith.addf %t5, %part#5 : vector<16xf32>
              %u6 = arith.addf %t6, %part#6 : vector<16xf32>
              %u7 = arith.addf %t7, %part#7 : vector<16xf32>
              scf.yield %u0, %u1, %u2, %u3, %u4, %u5, %u6, %u7 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
            }
            vector.store %acc#0, %p[%jb, %c0] : memref<32x16xf32>, vector<16xf32>
            %g0 = arith.cmpf ogt, %acc#0, %mx : vector<16xf32>
            %mx0 = arith.select %g0, %acc#0, %mx : vector<16xi1>, vector<16xf32>
            %p1 = arith.addi %jb, %i1 : index
            vector.store %acc#1, %p[%p1, %c0] : memref<32x16xf32>, vector<16xf32>
            %g1 = arith.cmpf ogt, %acc#1, %mx0 : vector<16xf32>
            %mx1 = arith.select %g1, %acc#1, %mx0 : vector<16xi1>, vector<16xf32>
            %p2 = arith.addi %jb, %i2 : index
            vector.store %acc#2, %p[%p2, %c0] : memref<32x16xf32>, vector<16xf32>
            %g2 = arith.cmpf ogt, %acc#2, %mx1 : vector<16xf32>
            %mx2 = arith.select %g2, %acc#2, %mx1 : vector<16xi1>, vector<16xf32>
            %p3 = arith.addi %jb, %i3 : index
            vector.store %acc#3, %p[%p3, %c0] : memref<32x16xf32>, vector<16xf32>
            %g3 = arith.cmpf ogt, %acc#3, %mx2 : vector<16xf32>
            %mx3 = arith.select %g3, %acc#3, %mx2 : vector<16xi1>, vector<16xf32>
            %p4 = arith.addi %jb, %i4 : index
            vector.store %acc#4, %p[%p4, %c0] : memref<32x16xf32>, vector<16xf32>
            %g4 = arith.cmpf ogt, %acc#4, %mx3 : vector<16xf32>
            %mx4 = arith.select %g4, %acc#4, %mx3 : vector<16xi1>, vector<16xf32>
            %p5 = arith.addi %jb, %i5 : index
            vector.store %acc#5, %p[%p5, %c0] : memref<32x16xf32>, vector<16xf32>
            %g5 = arith.cmpf ogt, %acc#5, %mx4 : vector<16xf32>
            %mx5 = arith.select %g5, %acc#5, %mx4 : vector<16xi1>, vector<16xf32>
            %p6 = arith.addi %jb, %i6 : index
            vector.store %acc#6, %p[%p6, %c0] : memref<32x16xf32>, vector<16xf32>
            %g6 = arith.cmpf ogt, %acc#6, %mx5 : vector<16xf32>
            %mx6 = arith.select %g6, %acc#6, %mx5 : vector<16xi1>, vector<16xf32>
            %p7 = arith.addi %jb, %i7 : index
            vector.store %acc#7, %p[%p7, %c0] : memref<32x16xf32>, vector<16xf32>
            %g7 = arith.cmpf ogt, %acc#7, %mx6 : vector<16xf32>
            %mx7 = arith.select %g7, %acc#7, %mx6 : vector<16xi1>, vector<16xf32>
            scf.yield %mx7 : vector<16xf32>
          }
          %cx0 = arith.subf %mold, %mnew : vector<16xf32>
          %cx = arith.mulf %cx0, %scalev : vector<16xf32>
          %corrt = math.fma %cx, %log2e, %magic : vector<16xf32>
          %corrn = arith.subf %corrt, %magic : vector<16xf32>
          %corrr0 = math.fma %corrn, %nln2hi, %cx : vector<16xf32>
          %corrr = math.fma %corrn, %nln2lo, %corrr0 : vector<16xf32>
          %corrp6 = math.fma %e7, %corrr, %e6 : vector<16xf32>
          %corrp5 = math.fma %corrp6, %corrr, %e5 : vector<16xf32>
          %corrp4 = math.fma %corrp5, %corrr, %e4 : vector<16xf32>
          %corrp3 = math.fma %corrp4, %corrr, %e3 : vector<16xf32>
          %corrp2 = math.fma %corrp3, %corrr, %e2 : vector<16xf32>
          %corrp1 = math.fma %corrp2, %corrr, %one : vector<16xf32>
          %corrp0 = math.fma %corrp1, %corrr, %one : vector<16xf32>
          %corrtb = arith.bitcast %corrt : vector<16xf32> to vector<16xi32>
          %corrsh = arith.shli %corrtb, %c23 : vector<16xi32>
          %corrpb = arith.bitcast %corrp0 : vector<16xf32> to vector<16xi32>
          %correb = arith.addi %corrpb, %corrsh : vector<16xi32>
          %corre = arith.bitcast %correb : vector<16xi32> to vector<16xf32>
          %corrlt = arith.cmpf olt, %cx, %under : vector<16xf32>
          %corrz = arith.select %corrlt, %zero, %corre : vector<16xi1>, vector<16xf32>
          %corrnan = arith.cmpf uno, %cx, %cx : vector<16xf32>
          %corr = arith.select %corrnan, %cx, %corrz : vector<16xi1>, vector<16xf32>
          %lblk = scf.for %j = %c0 to %kn step %c1 iter_args(%l = %zero) -> (vector<16xf32>) {
            %y = vector.load %p[%j, %c0] : memref<32x16xf32>, vector<16xf32>
            %x0 = arith.subf %y, %mnew : vector<16xf32>
            %x = arith.mulf %x0, %scalev : vector<16xf32>
            %et = math.fma %x, %log2e, %magic : vector<16xf32>
            %en = arith.subf %et, %magic : vector<16xf32>
            %er0 = math.fma %en, %nln2hi, %x : vector<16xf32>
            %er = math.fma %en, %nln2lo, %er0 : vector<16xf32>
            %ep6 = math.fma %e7, %er, %e6 : vector<16xf32>
            %ep5 = math.fma %ep6, %er, %e5 : vector<16xf32>
            %ep4 = math.fma %ep5, %er, %e4 : vector<16xf32>
            %ep3 = math.fma %ep4, %er, %e3 : vector<16xf32>
            %ep2 = math.fma %ep3, %er, %e2 : vector<16xf32>
            %ep1 = math.fma %ep2, %er, %one : vector<16xf32>
            %ep0 = math.fma %ep1, %er, %one : vector<16xf32>
            %etb = arith.bitcast %et : vector<16xf32> to vector<16xi32>
            %esh = arith.shli %etb, %c23 : vector<16xi32>
            %epb = arith.bitcast %ep0 : vector<16xf32> to vector<16xi32>
            %eeb = arith.addi %epb, %esh : vector<16xi32>
            %ee = arith.bitcast %eeb : vector<16xi32> to vector<16xf32>
            %elt = arith.cmpf olt, %x, %under : vector<16xf32>
            %ez = arith.select %elt, %zero, %ee : vector<16xi1>, vector<16xf32>
            %enan = arith.cmpf uno, %x, %x : vector<16xf32>
            %e = arith.select %enan, %x, %ez : vector<16xi1>, vector<16xf32>
            vector.store %e, %p[%j, %c0] : memref<32x16xf32>, vector<16xf32>
            %l2 = arith.addf %l, %e : vector<16xf32>
            scf.yield %l2 : vector<16xf32>
          }
          %lnew = math.fma %lold, %corr, %lblk : vector<16xf32>
          scf.for %d0 = %c0 to %dmain step %c8 {
            %i1 = arith.constant 1 : index
            %d1 = arith.addi %d0, %i1 : index
            %i2 = arith.constant 2 : index
            %d2 = arith.addi %d0, %i2 : index
            %i3 = arith.constant 3 : index
            %d3 = arith.addi %d0, %i3 : index
            %i4 = arith.constant 4 : index
            %d4 = arith.addi %d0, %i4 : index
            %i5 = arith.constant 5 : index
            %d5 = arith.addi %d0, %i5 : index
            %i6 = arith.constant 6 : index
            %d6 = arith.addi %d0, %i6 : index
            %i7 = arith.constant 7 : index
            %d7 = arith.addi %d0, %i7 : index
            %acc:8 = scf.for %j = %c0 to %kn step %c1 iter_args(%a0 = %zero, %a1 = %zero, %a2 = %zero, %a3 = %zero, %a4 = %zero, %a5 = %zero, %a6 = %zero, %a7 = %zero) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
              %pv = vector.load %p[%j, %c0] : memref<32x16xf32>, vector<16xf32>
              %jj = arith.addi %kb, %j : index
              %k0 = tensor.extract %vd[%bi, %jj, %kh, %d0] : tensor<?x?x?x?xf32>
              %kv0 = vector.broadcast %k0 : f32 to vector<16xf32>
              %n0 = math.fma %kv0, %pv, %a0 : vector<16xf32>
              %k1 = tensor.extract %vd[%bi, %jj, %kh, %d1] : tensor<?x?x?x?xf32>
              %kv1 = vector.broadcast %k1 : f32 to vector<16xf32>
              %n1 = math.fma %kv1, %pv, %a1 : vector<16xf32>
              %k2 = tensor.extract %vd[%bi, %jj, %kh, %d2] : tensor<?x?x?x?xf32>
              %kv2 = vector.broadcast %k2 : f32 to vector<16xf32>
              %n2 = math.fma %kv2, %pv, %a2 : vector<16xf32>
              %k3 = tensor.extract %vd[%bi, %jj, %kh, %d3] : tensor<?x?x?x?xf32>
              %kv3 = vector.broadcast %k3 : f32 to vector<16xf32>
              %n3 = math.fma %kv3, %pv, %a3 : vector<16xf32>
              %k4 = tensor.extract %vd[%bi, %jj, %kh, %d4] : tensor<?x?x?x?xf32>
              %kv4 = vector.broadcast %k4 : f32 to vector<16xf32>
              %n4 = math.fma %kv4, %pv, %a4 : vector<16xf32>
              %k5 = tensor.extract %vd[%bi, %jj, %kh, %d5] : tensor<?x?x?x?xf32>
              %kv5 = vector.broadcast %k5 : f32 to vector<16xf32>
              %n5 = math.fma %kv5, %pv, %a5 : vector<16xf32>
              %k6 = tensor.extract %vd[%bi, %jj, %kh, %d6] : tensor<?x?x?x?xf32>
              %kv6 = vector.broadcast %k6 : f32 to vector<16xf32>
              %n6 = math.fma %kv6, %pv, %a6 : vector<16xf32>
              %k7 = tensor.extract %vd[%bi, %jj, %kh, %d7] : tensor<?x?x?x?xf32>
              %kv7 = vector.broadcast %k7 : f32 to vector<16xf32>
              %n7 = math.fma %kv7, %pv, %a7 : vector<16xf32>
              scf.yield %n0, %n1, %n2, %n3, %n4, %n5, %n6, %n7 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
            }
            %o0 = vector.load %ot[%d0, %c0] : !buf, vector<16xf32>
            %q0 = math.fma %o0, %corr, %acc#0 : vector<16xf32>
            vector.store %q0, %ot[%d0, %c0] : !buf, vector<16xf32>
            %o1 = vector.load %ot[%d1, %c0] : !buf, vector<16xf32>
            %q1 = math.fma %o1, %corr, %acc#1 : vector<16xf32>
            vector.store %q1, %ot[%d1, %c0] : !buf, vector<16xf32>
            %o2 = vector.load %ot[%d2, %c0] : !buf, vector<16xf32>
            %q2 = math.fma %o2, %corr, %acc#2 : vector<16xf32>
            vector.store %q2, %ot[%d2, %c0] : !buf, vector<16xf32>
            %o3 = vector.load %ot[%d3, %c0] : !buf, vector<16xf32>
            %q3 = math.fma %o3, %corr, %acc#3 : vector<16xf32>
            vector.store %q3, %ot[%d3, %c0] : !buf, vector<16xf32>
            %o4 = vector.load %ot[%d4, %c0] : !buf, vector<16xf32>
            %q4 = math.fma %o4, %corr, %acc#4 : vector<16xf32>
            vector.store %q4, %ot[%d4, %c0] : !buf, vector<16xf32>
            %o5 = vector.load %ot[%d5, %c0] : !buf, vector<16xf32>
            %q5 = math.fma %o5, %corr, %acc#5 : vector<16xf32>
            vector.store %q5, %ot[%d5, %c0] : !buf, vector<16xf32>
            %o6 = vector.load %ot[%d6, %c0] : !buf, vector<16xf32>
            %q6 = math.fma %o6, %corr, %acc#6 : vector<16xf32>
            vector.store %q6, %ot[%d6, %c0] : !buf, vector<16xf32>
            %o7 = vector.load %ot[%d7, %c0] : !buf, vector<16xf32>
            %q7 = math.fma %o7, %corr, %acc#7 : vector<16xf32>
            vector.store %q7, %ot[%d7, %c0] : !buf, vector<16xf32>
          }
          scf.for %d = %dmain to %depth step %c1 {
            %acc = scf.for %j = %c0 to %kn step %c1 iter_args(%a = %zero) -> (vector<16xf32>) {
              %pv = vector.load %p[%j, %c0] : memref<32x16xf32>, vector<16xf32>
              %jj = arith.addi %kb, %j : index
              %k0 = tensor.extract %vd[%bi, %jj, %kh, %d] : tensor<?x?x?x?xf32>
              %kv0 = vector.broadcast %k0 : f32 to vector<16xf32>
              %n0 = math.fma %kv0, %pv, %a : vector<16xf32>
              scf.yield %n0 : vector<16xf32>
            }
            %o0 = vector.load %ot[%d, %c0] : !buf, vector<16xf32>
            %q0 = math.fma %o0, %corr, %acc : vector<16xf32>
            vector.store %q0, %ot[%d, %c0] : !buf, vector<16xf32>
          }
          scf.yield %mnew, %lnew : vector<16xf32>, vector<16xf32>
        }
        scf.for %d = %c0 to %depth step %c1 {
          %o0 = vector.load %ot[%d, %c0] : !buf, vector<16xf32>
          %q0 = arith.divf %o0, %ml#1 : vector<16xf32>
          vector.store %q0, %ot[%d, %c0] : !buf, vector<16xf32>
        }
        %rel = arith.subi %rb, %m0 : index
        %dst4 = scf.for %r = %c0 to %rn step %c1 iter_args(%dst3 = %dst2) -> (tensor<?x?x?x?xf32>) {
          %ro = arith.addi %rel, %r : index
          %dst6 = scf.for %d = %c0 to %depth step %c1 iter_args(%dst5 = %dst3) -> (tensor<?x?x?x?xf32>) {
            %x = memref.load %ot[%d, %r] : !buf
            %ins = tensor.insert %x into %dst5[%c0, %ro, %c0, %d] : tensor<?x?x?x?xf32>
            scf.yield %ins : tensor<?x?x?x?xf32>
          }
          scf.yield %dst6 : tensor<?x?x?x?xf32>
        }
        scf.yield %dst4 : tensor<?x?x?x?xf32>
      }
      scf.yield %t1 : tensor<?x?x?x?xf32>
    }
    iree_tensor_ext.dispatch.tensor.store %tile, %os, offsets = [%bi, %m0, %h, %c0], sizes = [%c1, %mlen, %c1, %depth], strides = [1, 1, 1, 1] : tensor<?x?x?x?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:!out>{%b, %s}
    flow.return
  } count(%x: index, %y: index, %z: index) -> (index, index, index) {
    flow.return %x, %y, %z : index, index, index
  }
  util.return %res : !out
}

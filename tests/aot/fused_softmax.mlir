#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> ()>
#map2 = affine_map<(d0) -> ()>
#map3 = affine_map<(d0) -> (d0)>
#map4 = affine_map<(d0, d1) -> (d0, d1)>
#map5 = affine_map<(d0, d1) -> ()>
#map6 = affine_map<(d0, d1) -> (d1)>
module {
  func.func @main(%arg0: !torch.vtensor<[?,3,?,?],bf16>, %arg1: !torch.vtensor<[?,?],si64>) -> (!torch.vtensor<[?,3,?,?],bf16>, !torch.vtensor<[3,4],si64>) attributes {iree.reflection = {ir_runtime.indices = "[{\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}, {\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}, {\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}]"}, torch.assume_strict_symbolic_shapes} {
    %0 = torch_c.to_builtin_tensor %arg0 : !torch.vtensor<[?,3,?,?],bf16> -> tensor<?x3x?x?xbf16>
    %1 = torch_c.from_builtin_tensor %0 : tensor<?x3x?x?xbf16> -> !torch.vtensor<[?,3,?,?],bf16>
    %2 = torch_c.to_builtin_tensor %arg1 : !torch.vtensor<[?,?],si64> -> tensor<?x?xi64>
    %3 = torch_c.from_builtin_tensor %2 : tensor<?x?xi64> -> !torch.vtensor<[?,?],si64>
    %4 = torch.symbolic_int "s68" {min_val = 0, max_val = 9223372036854775807} : !torch.int
    %5 = torch.symbolic_int "s73" {min_val = 0, max_val = 9223372036854775807} : !torch.int
    %6 = torch.symbolic_int "s97" {min_val = 0, max_val = 9223372036854775807} : !torch.int
    %7 = torch.symbolic_int "s11" {min_val = 0, max_val = 9223372036854775807} : !torch.int
    %8 = torch.symbolic_int "s42" {min_val = 0, max_val = 9223372036854775807} : !torch.int
    torch.bind_symbolic_shape %1, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 3, s1, s2)> : !torch.vtensor<[?,3,?,?],bf16>
    torch.bind_symbolic_shape %3, [%7, %8], affine_map<()[s0, s1] -> (s0, s1)> : !torch.vtensor<[?,?],si64>
    %int0 = torch.constant.int 0
    %9 = torch.aten.size.int %1, %int0 : !torch.vtensor<[?,3,?,?],bf16>, !torch.int -> !torch.int
    %int2 = torch.constant.int 2
    %10 = torch.aten.size.int %1, %int2 : !torch.vtensor<[?,3,?,?],bf16>, !torch.int -> !torch.int
    %int3 = torch.constant.int 3
    %11 = torch.aten.size.int %1, %int3 : !torch.vtensor<[?,3,?,?],bf16>, !torch.int -> !torch.int
    %int0_0 = torch.constant.int 0
    %int1 = torch.constant.int 1
    %none = torch.constant.none
    %int0_1 = torch.constant.int 0
    %cpu = torch.constant.device "cpu"
    %false = torch.constant.bool false
    %12 = torch.aten.arange.start_step %int0_0, %9, %int1, %none, %int0_1, %cpu, %false : !torch.int, !torch.int, !torch.int, !torch.none, !torch.int, !torch.Device, !torch.bool -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %12, [%4], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %int0_2 = torch.constant.int 0
    %int0_3 = torch.constant.int 0
    %int9223372036854775807 = torch.constant.int 9223372036854775807
    %int1_4 = torch.constant.int 1
    %13 = torch.aten.slice.Tensor %12, %int0_2, %int0_3, %int9223372036854775807, %int1_4 : !torch.vtensor<[?],si64>, !torch.int, !torch.int, !torch.int, !torch.int -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %13, [%4], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %int1_5 = torch.constant.int 1
    %14 = torch.aten.unsqueeze %13, %int1_5 : !torch.vtensor<[?],si64>, !torch.int -> !torch.vtensor<[?,1],si64>
    torch.bind_symbolic_shape %14, [%4], affine_map<()[s0] -> (s0, 1)> : !torch.vtensor<[?,1],si64>
    %int2_6 = torch.constant.int 2
    %15 = torch.aten.unsqueeze %14, %int2_6 : !torch.vtensor<[?,1],si64>, !torch.int -> !torch.vtensor<[?,1,1],si64>
    torch.bind_symbolic_shape %15, [%4], affine_map<()[s0] -> (s0, 1, 1)> : !torch.vtensor<[?,1,1],si64>
    %int3_7 = torch.constant.int 3
    %16 = torch.aten.unsqueeze %15, %int3_7 : !torch.vtensor<[?,1,1],si64>, !torch.int -> !torch.vtensor<[?,1,1,1],si64>
    torch.bind_symbolic_shape %16, [%4], affine_map<()[s0] -> (s0, 1, 1, 1)> : !torch.vtensor<[?,1,1,1],si64>
    %int0_8 = torch.constant.int 0
    %int1_9 = torch.constant.int 1
    %none_10 = torch.constant.none
    %int0_11 = torch.constant.int 0
    %cpu_12 = torch.constant.device "cpu"
    %false_13 = torch.constant.bool false
    %17 = torch.aten.arange.start_step %int0_8, %10, %int1_9, %none_10, %int0_11, %cpu_12, %false_13 : !torch.int, !torch.int, !torch.int, !torch.none, !torch.int, !torch.Device, !torch.bool -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %17, [%5], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %int0_14 = torch.constant.int 0
    %int0_15 = torch.constant.int 0
    %int9223372036854775807_16 = torch.constant.int 9223372036854775807
    %int1_17 = torch.constant.int 1
    %18 = torch.aten.slice.Tensor %17, %int0_14, %int0_15, %int9223372036854775807_16, %int1_17 : !torch.vtensor<[?],si64>, !torch.int, !torch.int, !torch.int, !torch.int -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %18, [%5], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %int1_18 = torch.constant.int 1
    %19 = torch.aten.unsqueeze %18, %int1_18 : !torch.vtensor<[?],si64>, !torch.int -> !torch.vtensor<[?,1],si64>
    torch.bind_symbolic_shape %19, [%5], affine_map<()[s0] -> (s0, 1)> : !torch.vtensor<[?,1],si64>
    %int0_19 = torch.constant.int 0
    %int1_20 = torch.constant.int 1
    %none_21 = torch.constant.none
    %int0_22 = torch.constant.int 0
    %cpu_23 = torch.constant.device "cpu"
    %false_24 = torch.constant.bool false
    %20 = torch.aten.arange.start_step %int0_19, %11, %int1_20, %none_21, %int0_22, %cpu_23, %false_24 : !torch.int, !torch.int, !torch.int, !torch.none, !torch.int, !torch.Device, !torch.bool -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %20, [%6], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %int0_25 = torch.constant.int 0
    %21 = torch.aten.size.int %3, %int0_25 : !torch.vtensor<[?,?],si64>, !torch.int -> !torch.int
    %true = torch.constant.bool true
    %false_26 = torch.constant.bool false
    %22 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %23 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %str = torch.constant.str "{\22op\22: \22aten.index\22, \22at\22: \22test_less_fusion.py:24\22}"
    %24 = torch_c.to_builtin_tensor %16 : !torch.vtensor<[?,1,1,1],si64> -> tensor<?x1x1x1xi64>
    %25 = torch_c.to_i64 %21
    %c0_i64 = arith.constant 0 : i64
    %26 = arith.cmpi sgt, %25, %c0_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %24, %c0 : tensor<?x1x1x1xi64>
    %27 = arith.index_cast %dim : index to i64
    %28 = arith.cmpi eq, %27, %c0_i64 : i64
    %29 = arith.ori %26, %28 : i1
    cf.assert %29, "indices of a dimension without elements: {\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}"
    %c0_i64_27 = arith.constant 0 : i64
    %30 = arith.subi %c0_i64_27, %25 : i64
    %31:2 = util.call @ir_runtime_check_index_1b58784a(%24, %25, %30) : (tensor<?x1x1x1xi64>, i64, i64) -> (tensor<?x1x1x1xi64>, tensor<4xi64>)
    %32 = torch_c.from_builtin_tensor %31#0 : tensor<?x1x1x1xi64> -> !torch.vtensor<[?,1,1,1],si64>
    torch.bind_symbolic_shape %32, [%4], affine_map<()[s0] -> (s0, 1, 1, 1)> : !torch.vtensor<[?,1,1,1],si64>
    %int1_28 = torch.constant.int 1
    %33 = torch.aten.size.int %3, %int1_28 : !torch.vtensor<[?,?],si64>, !torch.int -> !torch.int
    %true_29 = torch.constant.bool true
    %false_30 = torch.constant.bool false
    %34 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %35 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %str_31 = torch.constant.str "{\22op\22: \22aten.index\22, \22at\22: \22test_less_fusion.py:24\22}"
    %36 = torch_c.to_builtin_tensor %20 : !torch.vtensor<[?],si64> -> tensor<?xi64>
    %37 = torch_c.to_i64 %33
    %c0_i64_32 = arith.constant 0 : i64
    %38 = arith.cmpi sgt, %37, %c0_i64_32 : i64
    %c0_33 = arith.constant 0 : index
    %dim_34 = tensor.dim %36, %c0_33 : tensor<?xi64>
    %39 = arith.index_cast %dim_34 : index to i64
    %40 = arith.cmpi eq, %39, %c0_i64_32 : i64
    %41 = arith.ori %38, %40 : i1
    cf.assert %41, "indices of a dimension without elements: {\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}"
    %c0_i64_35 = arith.constant 0 : i64
    %42 = arith.subi %c0_i64_35, %37 : i64
    %43:2 = util.call @ir_runtime_check_index_8e5b8005(%36, %37, %42) : (tensor<?xi64>, i64, i64) -> (tensor<?xi64>, tensor<4xi64>)
    %44 = torch_c.from_builtin_tensor %43#0 : tensor<?xi64> -> !torch.vtensor<[?],si64>
    torch.bind_symbolic_shape %44, [%6], affine_map<()[s0] -> (s0)> : !torch.vtensor<[?],si64>
    %45 = torch.prim.ListConstruct %32, %44 : (!torch.vtensor<[?,1,1,1],si64>, !torch.vtensor<[?],si64>) -> !torch.list<optional<vtensor>>
    %46 = torch.aten.index.Tensor %3, %45 : !torch.vtensor<[?,?],si64>, !torch.list<optional<vtensor>> -> !torch.vtensor<[?,1,1,?],si64>
    torch.bind_symbolic_shape %46, [%4, %6], affine_map<()[s0, s1] -> (s0, 1, 1, s1)> : !torch.vtensor<[?,1,1,?],si64>
    %int1_36 = torch.constant.int 1
    %47 = torch.aten.size.int %3, %int1_36 : !torch.vtensor<[?,?],si64>, !torch.int -> !torch.int
    %true_37 = torch.constant.bool true
    %false_38 = torch.constant.bool false
    %48 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %49 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %str_39 = torch.constant.str "{\22op\22: \22aten.index\22, \22at\22: \22test_less_fusion.py:24\22}"
    %50 = torch_c.to_builtin_tensor %19 : !torch.vtensor<[?,1],si64> -> tensor<?x1xi64>
    %51 = torch_c.to_i64 %47
    %c0_i64_40 = arith.constant 0 : i64
    %52 = arith.cmpi sgt, %51, %c0_i64_40 : i64
    %c0_41 = arith.constant 0 : index
    %dim_42 = tensor.dim %50, %c0_41 : tensor<?x1xi64>
    %53 = arith.index_cast %dim_42 : index to i64
    %54 = arith.cmpi eq, %53, %c0_i64_40 : i64
    %55 = arith.ori %52, %54 : i1
    cf.assert %55, "indices of a dimension without elements: {\22at\22: \22test_less_fusion.py:24\22, \22op\22: \22aten.index\22}"
    %c0_i64_43 = arith.constant 0 : i64
    %56 = arith.subi %c0_i64_43, %51 : i64
    %57:2 = util.call @ir_runtime_check_index_3fc850b3(%50, %51, %56) : (tensor<?x1xi64>, i64, i64) -> (tensor<?x1xi64>, tensor<4xi64>)
    %58 = torch_c.from_builtin_tensor %57#0 : tensor<?x1xi64> -> !torch.vtensor<[?,1],si64>
    torch.bind_symbolic_shape %58, [%5], affine_map<()[s0] -> (s0, 1)> : !torch.vtensor<[?,1],si64>
    %59 = torch.prim.ListConstruct %32, %58 : (!torch.vtensor<[?,1,1,1],si64>, !torch.vtensor<[?,1],si64>) -> !torch.list<optional<vtensor>>
    %60 = torch.aten.index.Tensor %3, %59 : !torch.vtensor<[?,?],si64>, !torch.list<optional<vtensor>> -> !torch.vtensor<[?,1,?,1],si64>
    torch.bind_symbolic_shape %60, [%4, %5], affine_map<()[s0, s1] -> (s0, 1, s1, 1)> : !torch.vtensor<[?,1,?,1],si64>
    %61 = torch.aten.eq.Tensor %46, %60 : !torch.vtensor<[?,1,1,?],si64>, !torch.vtensor<[?,1,?,1],si64> -> !torch.vtensor<[?,1,?,?],i1>
    torch.bind_symbolic_shape %61, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 1, s1, s2)> : !torch.vtensor<[?,1,?,?],i1>
    %62 = torch.aten.le.Tensor %20, %19 : !torch.vtensor<[?],si64>, !torch.vtensor<[?,1],si64> -> !torch.vtensor<[?,?],i1>
    torch.bind_symbolic_shape %62, [%5, %6], affine_map<()[s0, s1] -> (s0, s1)> : !torch.vtensor<[?,?],i1>
    %63 = torch.aten.bitwise_and.Tensor %61, %62 : !torch.vtensor<[?,1,?,?],i1>, !torch.vtensor<[?,?],i1> -> !torch.vtensor<[?,1,?,?],i1>
    torch.bind_symbolic_shape %63, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 1, s1, s2)> : !torch.vtensor<[?,1,?,?],i1>
    %64 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %float-3.389530e38 = torch.constant.float -3.3895313892515355E+38
    %int15 = torch.constant.int 15
    %none_44 = torch.constant.none
    %cpu_45 = torch.constant.device "cpu"
    %false_46 = torch.constant.bool false
    %65 = torch.aten.full %64, %float-3.389530e38, %int15, %none_44, %cpu_45, %false_46 : !torch.list<int>, !torch.float, !torch.int, !torch.none, !torch.Device, !torch.bool -> !torch.vtensor<[],bf16>
    %66 = torch.prim.ListConstruct  : () -> !torch.list<int>
    %int0_47 = torch.constant.int 0
    %int15_48 = torch.constant.int 15
    %int0_49 = torch.constant.int 0
    %cpu_50 = torch.constant.device "cpu"
    %false_51 = torch.constant.bool false
    %67 = torch.aten.full %66, %int0_47, %int15_48, %int0_49, %cpu_50, %false_51 : !torch.list<int>, !torch.int, !torch.int, !torch.int, !torch.Device, !torch.bool -> !torch.vtensor<[],bf16>
    %68 = torch.aten.where.self %63, %67, %65 : !torch.vtensor<[?,1,?,?],i1>, !torch.vtensor<[],bf16>, !torch.vtensor<[],bf16> -> !torch.vtensor<[?,1,?,?],bf16>
    torch.bind_symbolic_shape %68, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 1, s1, s2)> : !torch.vtensor<[?,1,?,?],bf16>
    %int1_52 = torch.constant.int 1
    %69 = torch.aten.add.Tensor %1, %68, %int1_52 : !torch.vtensor<[?,3,?,?],bf16>, !torch.vtensor<[?,1,?,?],bf16>, !torch.int -> !torch.vtensor<[?,3,?,?],bf16>
    torch.bind_symbolic_shape %69, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 3, s1, s2)> : !torch.vtensor<[?,3,?,?],bf16>
    %int6 = torch.constant.int 6
    %int0_53 = torch.constant.int 0
    %cpu_54 = torch.constant.device "cpu"
    %none_55 = torch.constant.none
    %false_56 = torch.constant.bool false
    %none_57 = torch.constant.none
    %70 = torch.aten._to_copy %69, %int6, %int0_53, %cpu_54, %none_55, %false_56, %none_57 : !torch.vtensor<[?,3,?,?],bf16>, !torch.int, !torch.int, !torch.Device, !torch.none, !torch.bool, !torch.none -> !torch.vtensor<[?,3,?,?],f32>
    torch.bind_symbolic_shape %70, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 3, s1, s2)> : !torch.vtensor<[?,3,?,?],f32>
    %int-1 = torch.constant.int -1
    %false_58 = torch.constant.bool false
    %71 = torch.aten._softmax %70, %int-1, %false_58 : !torch.vtensor<[?,3,?,?],f32>, !torch.int, !torch.bool -> !torch.vtensor<[?,3,?,?],f32>
    torch.bind_symbolic_shape %71, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 3, s1, s2)> : !torch.vtensor<[?,3,?,?],f32>
    %none_59 = torch.constant.none
    %none_60 = torch.constant.none
    %int6_61 = torch.constant.int 6
    %cpu_62 = torch.constant.device "cpu"
    %int0_63 = torch.constant.int 0
    torch.aten._assert_tensor_metadata %71, %none_59, %none_60, %int6_61, %cpu_62, %int0_63 : !torch.vtensor<[?,3,?,?],f32>, !torch.none, !torch.none, !torch.int, !torch.Device, !torch.int
    %int15_64 = torch.constant.int 15
    %none_65 = torch.constant.none
    %none_66 = torch.constant.none
    %none_67 = torch.constant.none
    %false_68 = torch.constant.bool false
    %none_69 = torch.constant.none
    %72 = torch.aten._to_copy %71, %int15_64, %none_65, %none_66, %none_67, %false_68, %none_69 : !torch.vtensor<[?,3,?,?],f32>, !torch.int, !torch.none, !torch.none, !torch.none, !torch.bool, !torch.none -> !torch.vtensor<[?,3,?,?],bf16>
    torch.bind_symbolic_shape %72, [%4, %5, %6], affine_map<()[s0, s1, s2] -> (s0, 3, s1, s2)> : !torch.vtensor<[?,3,?,?],bf16>
    %73 = util.call @ir_runtime_join_reports_cf169183(%31#1, %43#1, %57#1) : (tensor<4xi64>, tensor<4xi64>, tensor<4xi64>) -> tensor<3x4xi64>
    %74 = torch_c.from_builtin_tensor %73 : tensor<3x4xi64> -> !torch.vtensor<[3,4],si64>
    return %72, %74 : !torch.vtensor<[?,3,?,?],bf16>, !torch.vtensor<[3,4],si64>
  }
  util.func private @ir_runtime_check_index_1b58784a(%arg0: tensor<?x1x1x1xi64>, %arg1: i64, %arg2: i64) -> (tensor<?x1x1x1xi64>, tensor<4xi64>) {
    %c0_i64 = arith.constant 0 : i64
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %0 = arith.subi %arg1, %c1_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x1x1x1xi64>
    %1 = tensor.empty(%dim) : tensor<?x1x1x1xi64>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0 : tensor<?x1x1x1xi64>) outs(%1 : tensor<?x1x1x1xi64>) {
    ^bb0(%in: i64, %out: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.cmpi slt, %9, %c0_i64 : i64
      %11 = arith.select %10, %arg2, %c0_i64 : i64
      %12 = arith.subi %9, %11 : i64
      %13 = arith.minsi %12, %0 : i64
      %14 = arith.maxsi %13, %c0_i64 : i64
      %15 = arith.addi %14, %c0_i64 : i64
      linalg.yield %15 : i64
    } -> tensor<?x1x1x1xi64>
    %3 = tensor.empty() : tensor<i64>
    %4 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %5 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %6:2 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["reduction", "reduction", "reduction", "reduction"]} ins(%arg0 : tensor<?x1x1x1xi64>) outs(%4, %5 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_0: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.minsi %9, %out : i64
      %11 = arith.maxsi %9, %out_0 : i64
      linalg.yield %10, %11 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %7 = tensor.empty() : tensor<4xi64>
    %8 = linalg.generic {indexing_maps = [#map2, #map2, #map3], iterator_types = ["parallel"]} ins(%6#0, %6#1 : tensor<i64>, tensor<i64>) outs(%7 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %out: i64):
      %9 = linalg.index 0 : index
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %10 = arith.cmpi eq, %9, %c0_1 : index
      %11 = arith.cmpi eq, %9, %c1 : index
      %12 = arith.cmpi eq, %9, %c2 : index
      %13 = arith.select %12, %arg2, %arg1 : i64
      %14 = arith.select %11, %in_0, %13 : i64
      %15 = arith.select %10, %in, %14 : i64
      linalg.yield %15 : i64
    } -> tensor<4xi64>
    util.return %2, %8 : tensor<?x1x1x1xi64>, tensor<4xi64>
  }
  util.func private @ir_runtime_check_index_8e5b8005(%arg0: tensor<?xi64>, %arg1: i64, %arg2: i64) -> (tensor<?xi64>, tensor<4xi64>) {
    %c0_i64 = arith.constant 0 : i64
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %0 = arith.subi %arg1, %c1_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xi64>
    %1 = tensor.empty(%dim) : tensor<?xi64>
    %2 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel"]} ins(%arg0 : tensor<?xi64>) outs(%1 : tensor<?xi64>) {
    ^bb0(%in: i64, %out: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.cmpi slt, %9, %c0_i64 : i64
      %11 = arith.select %10, %arg2, %c0_i64 : i64
      %12 = arith.subi %9, %11 : i64
      %13 = arith.minsi %12, %0 : i64
      %14 = arith.maxsi %13, %c0_i64 : i64
      %15 = arith.addi %14, %c0_i64 : i64
      linalg.yield %15 : i64
    } -> tensor<?xi64>
    %3 = tensor.empty() : tensor<i64>
    %4 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %5 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %6:2 = linalg.generic {indexing_maps = [#map3, #map2, #map2], iterator_types = ["reduction"]} ins(%arg0 : tensor<?xi64>) outs(%4, %5 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_0: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.minsi %9, %out : i64
      %11 = arith.maxsi %9, %out_0 : i64
      linalg.yield %10, %11 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %7 = tensor.empty() : tensor<4xi64>
    %8 = linalg.generic {indexing_maps = [#map2, #map2, #map3], iterator_types = ["parallel"]} ins(%6#0, %6#1 : tensor<i64>, tensor<i64>) outs(%7 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %out: i64):
      %9 = linalg.index 0 : index
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %10 = arith.cmpi eq, %9, %c0_1 : index
      %11 = arith.cmpi eq, %9, %c1 : index
      %12 = arith.cmpi eq, %9, %c2 : index
      %13 = arith.select %12, %arg2, %arg1 : i64
      %14 = arith.select %11, %in_0, %13 : i64
      %15 = arith.select %10, %in, %14 : i64
      linalg.yield %15 : i64
    } -> tensor<4xi64>
    util.return %2, %8 : tensor<?xi64>, tensor<4xi64>
  }
  util.func private @ir_runtime_check_index_3fc850b3(%arg0: tensor<?x1xi64>, %arg1: i64, %arg2: i64) -> (tensor<?x1xi64>, tensor<4xi64>) {
    %c0_i64 = arith.constant 0 : i64
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %0 = arith.subi %arg1, %c1_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x1xi64>
    %1 = tensor.empty(%dim) : tensor<?x1xi64>
    %2 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<?x1xi64>) outs(%1 : tensor<?x1xi64>) {
    ^bb0(%in: i64, %out: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.cmpi slt, %9, %c0_i64 : i64
      %11 = arith.select %10, %arg2, %c0_i64 : i64
      %12 = arith.subi %9, %11 : i64
      %13 = arith.minsi %12, %0 : i64
      %14 = arith.maxsi %13, %c0_i64 : i64
      %15 = arith.addi %14, %c0_i64 : i64
      linalg.yield %15 : i64
    } -> tensor<?x1xi64>
    %3 = tensor.empty() : tensor<i64>
    %4 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %5 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %6:2 = linalg.generic {indexing_maps = [#map4, #map5, #map5], iterator_types = ["reduction", "reduction"]} ins(%arg0 : tensor<?x1xi64>) outs(%4, %5 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_0: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.minsi %9, %out : i64
      %11 = arith.maxsi %9, %out_0 : i64
      linalg.yield %10, %11 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %7 = tensor.empty() : tensor<4xi64>
    %8 = linalg.generic {indexing_maps = [#map2, #map2, #map3], iterator_types = ["parallel"]} ins(%6#0, %6#1 : tensor<i64>, tensor<i64>) outs(%7 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %out: i64):
      %9 = linalg.index 0 : index
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %10 = arith.cmpi eq, %9, %c0_1 : index
      %11 = arith.cmpi eq, %9, %c1 : index
      %12 = arith.cmpi eq, %9, %c2 : index
      %13 = arith.select %12, %arg2, %arg1 : i64
      %14 = arith.select %11, %in_0, %13 : i64
      %15 = arith.select %10, %in, %14 : i64
      linalg.yield %15 : i64
    } -> tensor<4xi64>
    util.return %2, %8 : tensor<?x1xi64>, tensor<4xi64>
  }
  util.func private @ir_runtime_join_reports_cf169183(%arg0: tensor<4xi64>, %arg1: tensor<4xi64>, %arg2: tensor<4xi64>) -> tensor<3x4xi64> {
    %0 = tensor.empty() : tensor<3x4xi64>
    %1 = linalg.generic {indexing_maps = [#map6, #map6, #map6, #map4], iterator_types = ["parallel", "parallel"]} ins(%arg0, %arg1, %arg2 : tensor<4xi64>, tensor<4xi64>, tensor<4xi64>) outs(%0 : tensor<3x4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %in_1: i64, %out: i64):
      %2 = linalg.index 0 : index
      %c1 = arith.constant 1 : index
      %3 = arith.cmpi eq, %2, %c1 : index
      %4 = arith.select %3, %in_0, %in : i64
      %c2 = arith.constant 2 : index
      %5 = arith.cmpi eq, %2, %c2 : index
      %6 = arith.select %5, %in_1, %4 : i64
      linalg.yield %6 : i64
    } -> tensor<3x4xi64>
    util.return %1 : tensor<3x4xi64>
  }
}

#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0) -> ()>
#map2 = affine_map<() -> ()>
module {
  func.func public @main(%arg0: tensor<?xf64>, %arg1: tensor<?xf32>, %arg2: tensor<?xf16>, %arg3: tensor<?xbf16>, %arg4: tensor<?xf8E4M3FN>, %arg5: tensor<?xf8E4M3FNUZ>, %arg6: tensor<?xf8E5M2>, %arg7: tensor<?xf8E5M2FNUZ>, %arg8: tensor<?xf8E8M0FNU>, %arg9: !hal.buffer_view {iree.abi.output = 0 : index}, %arg10: !hal.buffer_view {iree.abi.output = 1 : index}, %arg11: !hal.buffer_view {iree.abi.output = 2 : index}, %arg12: !hal.buffer_view {iree.abi.output = 3 : index}, %arg13: !hal.buffer_view {iree.abi.output = 4 : index}, %arg14: !hal.buffer_view {iree.abi.output = 5 : index}, %arg15: !hal.buffer_view {iree.abi.output = 6 : index}, %arg16: !hal.buffer_view {iree.abi.output = 7 : index}, %arg17: !hal.buffer_view {iree.abi.output = 8 : index}, %arg18: !hal.buffer_view {iree.abi.output = 9 : index}, %arg19: !hal.buffer_view {iree.abi.output = 10 : index}, %arg20: !hal.buffer_view {iree.abi.output = 11 : index}, %arg21: !hal.buffer_view {iree.abi.output = 12 : index}, %arg22: !hal.buffer_view {iree.abi.output = 13 : index}, %arg23: !hal.buffer_view {iree.abi.output = 14 : index}, %arg24: !hal.buffer_view {iree.abi.output = 15 : index}, %arg25: !hal.buffer_view {iree.abi.output = 16 : index}, %arg26: !hal.buffer_view {iree.abi.output = 17 : index}, %arg27: !hal.buffer_view {iree.abi.output = 18 : index}, %arg28: !hal.buffer_view {iree.abi.output = 19 : index}, %arg29: !hal.buffer_view {iree.abi.output = 20 : index}, %arg30: !hal.buffer_view {iree.abi.output = 21 : index}, %arg31: !hal.buffer_view {iree.abi.output = 22 : index}, %arg32: !hal.buffer_view {iree.abi.output = 23 : index}, %arg33: !hal.buffer_view {iree.abi.output = 24 : index}, %arg34: !hal.buffer_view {iree.abi.output = 25 : index}, %arg35: !hal.buffer_view {iree.abi.output = 26 : index}, %arg36: !hal.buffer_view {iree.abi.output = 27 : index}, %arg37: !hal.buffer_view {iree.abi.output = 28 : index}, %arg38: !hal.buffer_view {iree.abi.output = 29 : index}, %arg39: !hal.buffer_view {iree.abi.output = 30 : index}, %arg40: !hal.buffer_view {iree.abi.output = 31 : index}, %arg41: !hal.buffer_view {iree.abi.output = 32 : index}, %arg42: !hal.buffer_view {iree.abi.output = 33 : index}, %arg43: !hal.buffer_view {iree.abi.output = 34 : index}, %arg44: !hal.buffer_view {iree.abi.output = 35 : index}, %arg45: !hal.buffer_view {iree.abi.output = 36 : index}, %arg46: !hal.buffer_view {iree.abi.output = 37 : index}, %arg47: !hal.buffer_view {iree.abi.output = 38 : index}, %arg48: !hal.buffer_view {iree.abi.output = 39 : index}, %arg49: !hal.buffer_view {iree.abi.output = 40 : index}, %arg50: !hal.buffer_view {iree.abi.output = 41 : index}, %arg51: !hal.buffer_view {iree.abi.output = 42 : index}, %arg52: !hal.buffer_view {iree.abi.output = 43 : index}, %arg53: !hal.buffer_view {iree.abi.output = 44 : index}, %arg54: !hal.buffer_view {iree.abi.output = 45 : index}, %arg55: !hal.buffer_view {iree.abi.output = 46 : index}, %arg56: !hal.buffer_view {iree.abi.output = 47 : index}, %arg57: !hal.buffer_view {iree.abi.output = 48 : index}, %arg58: !hal.buffer_view {iree.abi.output = 49 : index}, %arg59: !hal.buffer_view {iree.abi.output = 50 : index}, %arg60: !hal.buffer_view {iree.abi.output = 51 : index}, %arg61: !hal.buffer_view {iree.abi.output = 52 : index}, %arg62: !hal.buffer_view {iree.abi.output = 53 : index}, %arg63: !hal.buffer_view {iree.abi.output = 54 : index}, %arg64: !hal.buffer_view {iree.abi.output = 55 : index}, %arg65: !hal.buffer_view {iree.abi.output = 56 : index}, %arg66: !hal.buffer_view {iree.abi.output = 57 : index}, %arg67: !hal.buffer_view {iree.abi.output = 58 : index}, %arg68: !hal.buffer_view {iree.abi.output = 59 : index}, %arg69: !hal.buffer_view {iree.abi.output = 60 : index}, %arg70: !hal.buffer_view {iree.abi.output = 61 : index}, %arg71: !hal.buffer_view {iree.abi.output = 62 : index}, %arg72: !hal.buffer_view {iree.abi.output = 63 : index}, %arg73: !hal.buffer_view {iree.abi.output = 64 : index}, %arg74: !hal.buffer_view {iree.abi.output = 65 : index}, %arg75: !hal.buffer_view {iree.abi.output = 66 : index}, %arg76: !hal.buffer_view {iree.abi.output = 67 : index}, %arg77: !hal.buffer_view {iree.abi.output = 68 : index}, %arg78: !hal.buffer_view {iree.abi.output = 69 : index}, %arg79: !hal.buffer_view {iree.abi.output = 70 : index}, %arg80: !hal.buffer_view {iree.abi.output = 71 : index}, %arg81: !hal.buffer_view {iree.abi.output = 72 : index}, %arg82: !hal.buffer_view {iree.abi.output = 73 : index}, %arg83: !hal.buffer_view {iree.abi.output = 74 : index}, %arg84: !hal.buffer_view {iree.abi.output = 75 : index}, %arg85: !hal.buffer_view {iree.abi.output = 76 : index}, %arg86: !hal.buffer_view {iree.abi.output = 77 : index}, %arg87: !hal.buffer_view {iree.abi.output = 78 : index}, %arg88: !hal.buffer_view {iree.abi.output = 79 : index}, %arg89: !hal.buffer_view {iree.abi.output = 80 : index}) -> (tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>) {
    %0 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf32>
    %1 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf16>
    %2 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xbf16>
    %3 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf32>
    %4 = util.call @main_1(%3) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %5 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf32>
    %6 = util.call @main_2(%5) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %7 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf32>
    %8 = util.call @main_3(%7) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %9 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf32>
    %10 = util.call @main_4(%9) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %11 = arith.truncf %arg0 : tensor<?xf64> to tensor<?xf8E8M0FNU>
    %12 = arith.extf %arg1 : tensor<?xf32> to tensor<?xf64>
    %13 = arith.truncf %arg1 : tensor<?xf32> to tensor<?xf16>
    %14 = arith.truncf %arg1 : tensor<?xf32> to tensor<?xbf16>
    %15 = util.call @main_1(%arg1) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %16 = util.call @main_2(%arg1) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %17 = util.call @main_3(%arg1) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %18 = util.call @main_4(%arg1) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %19 = arith.truncf %arg1 : tensor<?xf32> to tensor<?xf8E8M0FNU>
    %20 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf64>
    %21 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %22 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %23 = arith.truncf %22 : tensor<?xf32> to tensor<?xbf16>
    %24 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %25 = util.call @main_1(%24) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %26 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %27 = util.call @main_2(%26) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %28 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %29 = util.call @main_3(%28) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %30 = arith.extf %arg2 : tensor<?xf16> to tensor<?xf32>
    %31 = util.call @main_4(%30) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %32 = arith.truncf %arg2 : tensor<?xf16> to tensor<?xf8E8M0FNU>
    %33 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf64>
    %34 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %35 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %36 = arith.truncf %35 : tensor<?xf32> to tensor<?xf16>
    %37 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %38 = util.call @main_1(%37) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %39 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %40 = util.call @main_2(%39) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %41 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %42 = util.call @main_3(%41) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %43 = arith.extf %arg3 : tensor<?xbf16> to tensor<?xf32>
    %44 = util.call @main_4(%43) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %45 = arith.truncf %arg3 : tensor<?xbf16> to tensor<?xf8E8M0FNU>
    %46 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %47 = arith.extf %46 : tensor<?xf32> to tensor<?xf64>
    %48 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %49 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %50 = arith.truncf %49 : tensor<?xf32> to tensor<?xf16>
    %51 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %52 = arith.truncf %51 : tensor<?xf32> to tensor<?xbf16>
    %53 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %54 = util.call @main_2(%53) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %55 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %56 = util.call @main_3(%55) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %57 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %58 = util.call @main_4(%57) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %59 = util.call @main_5(%arg4) : (tensor<?xf8E4M3FN>) -> tensor<?xf32>
    %60 = arith.truncf %59 : tensor<?xf32> to tensor<?xf8E8M0FNU>
    %61 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %62 = arith.extf %61 : tensor<?xf32> to tensor<?xf64>
    %63 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %64 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %65 = arith.truncf %64 : tensor<?xf32> to tensor<?xf16>
    %66 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %67 = arith.truncf %66 : tensor<?xf32> to tensor<?xbf16>
    %68 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %69 = util.call @main_1(%68) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %70 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %71 = util.call @main_3(%70) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %72 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %73 = util.call @main_4(%72) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %74 = util.call @main_6(%arg5) : (tensor<?xf8E4M3FNUZ>) -> tensor<?xf32>
    %75 = arith.truncf %74 : tensor<?xf32> to tensor<?xf8E8M0FNU>
    %76 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %77 = arith.extf %76 : tensor<?xf32> to tensor<?xf64>
    %78 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %79 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %80 = arith.truncf %79 : tensor<?xf32> to tensor<?xf16>
    %81 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %82 = arith.truncf %81 : tensor<?xf32> to tensor<?xbf16>
    %83 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %84 = util.call @main_1(%83) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %85 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %86 = util.call @main_2(%85) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %87 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %88 = util.call @main_4(%87) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    %89 = util.call @main_7(%arg6) : (tensor<?xf8E5M2>) -> tensor<?xf32>
    %90 = arith.truncf %89 : tensor<?xf32> to tensor<?xf8E8M0FNU>
    %91 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %92 = arith.extf %91 : tensor<?xf32> to tensor<?xf64>
    %93 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %94 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %95 = arith.truncf %94 : tensor<?xf32> to tensor<?xf16>
    %96 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %97 = arith.truncf %96 : tensor<?xf32> to tensor<?xbf16>
    %98 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %99 = util.call @main_1(%98) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %100 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %101 = util.call @main_2(%100) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %102 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %103 = util.call @main_3(%102) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %104 = util.call @main_8(%arg7) : (tensor<?xf8E5M2FNUZ>) -> tensor<?xf32>
    %105 = arith.truncf %104 : tensor<?xf32> to tensor<?xf8E8M0FNU>
    %106 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf64>
    %107 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf32>
    %108 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf16>
    %109 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xbf16>
    %110 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf32>
    %111 = util.call @main_1(%110) : (tensor<?xf32>) -> tensor<?xf8E4M3FN>
    %112 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf32>
    %113 = util.call @main_2(%112) : (tensor<?xf32>) -> tensor<?xf8E4M3FNUZ>
    %114 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf32>
    %115 = util.call @main_3(%114) : (tensor<?xf32>) -> tensor<?xf8E5M2>
    %116 = arith.extf %arg8 : tensor<?xf8E8M0FNU> to tensor<?xf32>
    %117 = util.call @main_4(%116) : (tensor<?xf32>) -> tensor<?xf8E5M2FNUZ>
    return %arg0, %0, %1, %2, %4, %6, %8, %10, %11, %12, %arg1, %13, %14, %15, %16, %17, %18, %19, %20, %21, %arg2, %23, %25, %27, %29, %31, %32, %33, %34, %36, %arg3, %38, %40, %42, %44, %45, %47, %48, %50, %52, %arg4, %54, %56, %58, %60, %62, %63, %65, %67, %69, %arg5, %71, %73, %75, %77, %78, %80, %82, %84, %86, %arg6, %88, %90, %92, %93, %95, %97, %99, %101, %103, %arg7, %105, %106, %107, %108, %109, %111, %113, %115, %117, %arg8 : tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>, tensor<?xf64>, tensor<?xf32>, tensor<?xf16>, tensor<?xbf16>, tensor<?xf8E4M3FN>, tensor<?xf8E4M3FNUZ>, tensor<?xf8E5M2>, tensor<?xf8E5M2FNUZ>, tensor<?xf8E8M0FNU>
  }
  util.func private @main_1(%arg0: tensor<?xf32>) -> tensor<?xf8E4M3FN> {
    %cst = arith.constant dense<2147483647> : tensor<i32>
    %cst_0 = arith.constant dense<20> : tensor<i32>
    %cst_1 = arith.constant dense<1> : tensor<i32>
    %cst_2 = arith.constant dense<126> : tensor<i32>
    %cst_3 = arith.constant dense<24> : tensor<i32>
    %cst_4 = arith.constant dense<128> : tensor<i32>
    %cst_5 = arith.constant dense<127> : tensor<i32>
    %c2139095040_i64 = arith.constant 2139095040 : i64
    %c126_i64 = arith.constant 126 : i64
    %c1015021568_i64 = arith.constant 1015021568 : i64
    %c0 = arith.constant 0 : index
    %c1006632960_i32 = arith.constant 1006632960 : i32
    %c524287_i32 = arith.constant 524287 : i32
    %cst_6 = arith.constant 1.638400e+04 : f32
    %c1182793728_i32 = arith.constant 1182793728 : i32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim}
    %dim_7 = tensor.dim %0, %c0 : tensor<?xf32>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf32>{%dim_7} -> tensor<?xi32>{%dim_7}
    %dim_8 = tensor.dim %1, %c0 : tensor<?xi32>
    %2 = tensor.empty(%dim_8) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.subi %in, %c1006632960_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%6 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.addi %in, %c524287_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %8 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%7, %5 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.addi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %9 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%8, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %10 = tensor.empty(%dim_7) : tensor<?xf32>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.absf %in : f32
      linalg.yield %33 : f32
    } -> tensor<?xf32>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%11 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.addf %in, %cst_6 : f32
      linalg.yield %33 : f32
    } -> tensor<?xf32>
    %dim_9 = tensor.dim %12, %c0 : tensor<?xf32>
    %13 = iree_tensor_ext.bitcast %12 : tensor<?xf32>{%dim_9} -> tensor<?xi32>{%dim_9}
    %dim_10 = tensor.dim %13, %c0 : tensor<?xi32>
    %14 = tensor.empty(%dim_10) : tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xi32>) outs(%14 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.subi %in, %c1182793728_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %16 = tensor.empty(%dim_8) : tensor<?xi1>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi slt, %33, %c1015021568_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %18 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%17, %15, %9 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %19 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%18 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sgt, %33, %c126_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %20 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sge, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %21 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%19, %20 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_12: i1, %out: i1):
      %33 = arith.ori %in, %in_12 : i1
      linalg.yield %33 : i1
    } -> tensor<?xi1>
    %22 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%21, %cst_2, %18 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi eq, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %24 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%23, %cst_2, %22 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %25 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst_3 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %26 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%25, %cst_4 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %27 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sgt, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %28 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%27, %cst_5, %24 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %29 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%28, %26 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.ori %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %30 = tensor.empty(%dim_8) : tensor<?xi8>
    %31 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%29 : tensor<?xi32>) outs(%30 : tensor<?xi8>) {
    ^bb0(%in: i32, %out: i8):
      %33 = arith.trunci %in : i32 to i8
      linalg.yield %33 : i8
    } -> tensor<?xi8>
    %dim_11 = tensor.dim %31, %c0 : tensor<?xi8>
    %32 = iree_tensor_ext.bitcast %31 : tensor<?xi8>{%dim_11} -> tensor<?xf8E4M3FN>{%dim_11}
    util.return %32 : tensor<?xf8E4M3FN>
  }
  util.func private @main_2(%arg0: tensor<?xf32>) -> tensor<?xf8E4M3FNUZ> {
    %cst = arith.constant dense<2147483647> : tensor<i32>
    %cst_0 = arith.constant dense<20> : tensor<i32>
    %cst_1 = arith.constant dense<1> : tensor<i32>
    %cst_2 = arith.constant dense<128> : tensor<i32>
    %cst_3 = arith.constant dense<24> : tensor<i32>
    %c128_i64 = arith.constant 128 : i64
    %c2139095040_i64 = arith.constant 2139095040 : i64
    %c127_i64 = arith.constant 127 : i64
    %c1006632960_i64 = arith.constant 1006632960 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c998244352_i32 = arith.constant 998244352 : i32
    %c524287_i32 = arith.constant 524287 : i32
    %cst_4 = arith.constant 8.192000e+03 : f32
    %c1174405120_i32 = arith.constant 1174405120 : i32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim}
    %dim_5 = tensor.dim %0, %c0 : tensor<?xf32>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf32>{%dim_5} -> tensor<?xi32>{%dim_5}
    %dim_6 = tensor.dim %1, %c0 : tensor<?xi32>
    %2 = tensor.empty(%dim_6) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.subi %in, %c998244352_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%6 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.addi %in, %c524287_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %8 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%7, %5 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.addi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %9 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%8, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %10 = tensor.empty(%dim_5) : tensor<?xf32>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %37 = math.absf %in : f32
      linalg.yield %37 : f32
    } -> tensor<?xf32>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%11 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %37 = arith.addf %in, %cst_4 : f32
      linalg.yield %37 : f32
    } -> tensor<?xf32>
    %dim_7 = tensor.dim %12, %c0 : tensor<?xf32>
    %13 = iree_tensor_ext.bitcast %12 : tensor<?xf32>{%dim_7} -> tensor<?xi32>{%dim_7}
    %dim_8 = tensor.dim %13, %c0 : tensor<?xi32>
    %14 = tensor.empty(%dim_8) : tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xi32>) outs(%14 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.subi %in, %c1174405120_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %16 = tensor.empty(%dim_6) : tensor<?xi1>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi slt, %37, %c1006632960_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %18 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%17, %15, %9 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %19 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%18 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sgt, %37, %c127_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %20 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sge, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %21 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%19, %20 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_10: i1, %out: i1):
      %37 = arith.ori %in, %in_10 : i1
      linalg.yield %37 : i1
    } -> tensor<?xi1>
    %22 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%21, %cst_2, %18 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %24 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%23, %cst_2, %22 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %25 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst_3 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %26 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%25, %cst_2 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %27 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sgt, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %28 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%27, %cst_2, %24 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %29 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%28 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c0_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %30 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%28 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c128_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %31 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%29, %30 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_10: i1, %out: i1):
      %37 = arith.ori %in, %in_10 : i1
      linalg.yield %37 : i1
    } -> tensor<?xi1>
    %32 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%28, %26 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.ori %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %33 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%31, %28, %32 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %34 = tensor.empty(%dim_6) : tensor<?xi8>
    %35 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%33 : tensor<?xi32>) outs(%34 : tensor<?xi8>) {
    ^bb0(%in: i32, %out: i8):
      %37 = arith.trunci %in : i32 to i8
      linalg.yield %37 : i8
    } -> tensor<?xi8>
    %dim_9 = tensor.dim %35, %c0 : tensor<?xi8>
    %36 = iree_tensor_ext.bitcast %35 : tensor<?xi8>{%dim_9} -> tensor<?xf8E4M3FNUZ>{%dim_9}
    util.return %36 : tensor<?xf8E4M3FNUZ>
  }
  util.func private @main_3(%arg0: tensor<?xf32>) -> tensor<?xf8E5M2> {
    %cst = arith.constant dense<2147483647> : tensor<i32>
    %cst_0 = arith.constant dense<21> : tensor<i32>
    %cst_1 = arith.constant dense<1> : tensor<i32>
    %cst_2 = arith.constant dense<124> : tensor<i32>
    %cst_3 = arith.constant dense<24> : tensor<i32>
    %cst_4 = arith.constant dense<128> : tensor<i32>
    %cst_5 = arith.constant dense<127> : tensor<i32>
    %c2139095040_i64 = arith.constant 2139095040 : i64
    %c123_i64 = arith.constant 123 : i64
    %c947912704_i64 = arith.constant 947912704 : i64
    %c0 = arith.constant 0 : index
    %c939524096_i32 = arith.constant 939524096 : i32
    %c1048575_i32 = arith.constant 1048575 : i32
    %cst_6 = arith.constant 1.280000e+02 : f32
    %c1124073472_i32 = arith.constant 1124073472 : i32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim}
    %dim_7 = tensor.dim %0, %c0 : tensor<?xf32>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf32>{%dim_7} -> tensor<?xi32>{%dim_7}
    %dim_8 = tensor.dim %1, %c0 : tensor<?xi32>
    %2 = tensor.empty(%dim_8) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.subi %in, %c939524096_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%6 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.addi %in, %c1048575_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %8 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%7, %5 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.addi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %9 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%8, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %10 = tensor.empty(%dim_7) : tensor<?xf32>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = math.absf %in : f32
      linalg.yield %33 : f32
    } -> tensor<?xf32>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%11 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %33 = arith.addf %in, %cst_6 : f32
      linalg.yield %33 : f32
    } -> tensor<?xf32>
    %dim_9 = tensor.dim %12, %c0 : tensor<?xf32>
    %13 = iree_tensor_ext.bitcast %12 : tensor<?xf32>{%dim_9} -> tensor<?xi32>{%dim_9}
    %dim_10 = tensor.dim %13, %c0 : tensor<?xi32>
    %14 = tensor.empty(%dim_10) : tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xi32>) outs(%14 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %33 = arith.subi %in, %c1124073472_i32 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %16 = tensor.empty(%dim_8) : tensor<?xi1>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi slt, %33, %c947912704_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %18 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%17, %15, %9 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %19 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%18 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sgt, %33, %c123_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %20 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sge, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %21 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%19, %20 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_12: i1, %out: i1):
      %33 = arith.ori %in, %in_12 : i1
      linalg.yield %33 : i1
    } -> tensor<?xi1>
    %22 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%21, %cst_2, %18 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi eq, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %24 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%23, %cst_2, %22 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %25 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst_3 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.shrsi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %26 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%25, %cst_4 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.andi %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %27 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %33 = arith.extsi %in : i32 to i64
      %34 = arith.cmpi sgt, %33, %c2139095040_i64 : i64
      linalg.yield %34 : i1
    } -> tensor<?xi1>
    %28 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%27, %cst_5, %24 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_12: i32, %in_13: i32, %out: i32):
      %33 = arith.select %in, %in_12, %in_13 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %29 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%28, %26 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_12: i32, %out: i32):
      %33 = arith.ori %in, %in_12 : i32
      linalg.yield %33 : i32
    } -> tensor<?xi32>
    %30 = tensor.empty(%dim_8) : tensor<?xi8>
    %31 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%29 : tensor<?xi32>) outs(%30 : tensor<?xi8>) {
    ^bb0(%in: i32, %out: i8):
      %33 = arith.trunci %in : i32 to i8
      linalg.yield %33 : i8
    } -> tensor<?xi8>
    %dim_11 = tensor.dim %31, %c0 : tensor<?xi8>
    %32 = iree_tensor_ext.bitcast %31 : tensor<?xi8>{%dim_11} -> tensor<?xf8E5M2>{%dim_11}
    util.return %32 : tensor<?xf8E5M2>
  }
  util.func private @main_4(%arg0: tensor<?xf32>) -> tensor<?xf8E5M2FNUZ> {
    %cst = arith.constant dense<2147483647> : tensor<i32>
    %cst_0 = arith.constant dense<21> : tensor<i32>
    %cst_1 = arith.constant dense<1> : tensor<i32>
    %cst_2 = arith.constant dense<128> : tensor<i32>
    %cst_3 = arith.constant dense<24> : tensor<i32>
    %c128_i64 = arith.constant 128 : i64
    %c2139095040_i64 = arith.constant 2139095040 : i64
    %c127_i64 = arith.constant 127 : i64
    %c939524096_i64 = arith.constant 939524096 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c931135488_i32 = arith.constant 931135488 : i32
    %c1048575_i32 = arith.constant 1048575 : i32
    %cst_4 = arith.constant 6.400000e+01 : f32
    %c1115684864_i32 = arith.constant 1115684864 : i32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim}
    %dim_5 = tensor.dim %0, %c0 : tensor<?xf32>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf32>{%dim_5} -> tensor<?xi32>{%dim_5}
    %dim_6 = tensor.dim %1, %c0 : tensor<?xi32>
    %2 = tensor.empty(%dim_6) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.subi %in, %c931135488_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%6 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.addi %in, %c1048575_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %8 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%7, %5 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.addi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %9 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%8, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %10 = tensor.empty(%dim_5) : tensor<?xf32>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %37 = math.absf %in : f32
      linalg.yield %37 : f32
    } -> tensor<?xf32>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%11 : tensor<?xf32>) outs(%10 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %37 = arith.addf %in, %cst_4 : f32
      linalg.yield %37 : f32
    } -> tensor<?xf32>
    %dim_7 = tensor.dim %12, %c0 : tensor<?xf32>
    %13 = iree_tensor_ext.bitcast %12 : tensor<?xf32>{%dim_7} -> tensor<?xi32>{%dim_7}
    %dim_8 = tensor.dim %13, %c0 : tensor<?xi32>
    %14 = tensor.empty(%dim_8) : tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xi32>) outs(%14 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %37 = arith.subi %in, %c1115684864_i32 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %16 = tensor.empty(%dim_6) : tensor<?xi1>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi slt, %37, %c939524096_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %18 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%17, %15, %9 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %19 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%18 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sgt, %37, %c127_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %20 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sge, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %21 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%19, %20 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_10: i1, %out: i1):
      %37 = arith.ori %in, %in_10 : i1
      linalg.yield %37 : i1
    } -> tensor<?xi1>
    %22 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%21, %cst_2, %18 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %24 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%23, %cst_2, %22 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %25 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%1, %cst_3 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.shrsi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %26 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%25, %cst_2 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.andi %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %27 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi sgt, %37, %c2139095040_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %28 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%27, %cst_2, %24 : tensor<?xi1>, tensor<i32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %29 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%28 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c0_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %30 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%28 : tensor<?xi32>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %37 = arith.extsi %in : i32 to i64
      %38 = arith.cmpi eq, %37, %c128_i64 : i64
      linalg.yield %38 : i1
    } -> tensor<?xi1>
    %31 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%29, %30 : tensor<?xi1>, tensor<?xi1>) outs(%16 : tensor<?xi1>) {
    ^bb0(%in: i1, %in_10: i1, %out: i1):
      %37 = arith.ori %in, %in_10 : i1
      linalg.yield %37 : i1
    } -> tensor<?xi1>
    %32 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%28, %26 : tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_10: i32, %out: i32):
      %37 = arith.ori %in, %in_10 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %33 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%31, %28, %32 : tensor<?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i1, %in_10: i32, %in_11: i32, %out: i32):
      %37 = arith.select %in, %in_10, %in_11 : i32
      linalg.yield %37 : i32
    } -> tensor<?xi32>
    %34 = tensor.empty(%dim_6) : tensor<?xi8>
    %35 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%33 : tensor<?xi32>) outs(%34 : tensor<?xi8>) {
    ^bb0(%in: i32, %out: i8):
      %37 = arith.trunci %in : i32 to i8
      linalg.yield %37 : i8
    } -> tensor<?xi8>
    %dim_9 = tensor.dim %35, %c0 : tensor<?xi8>
    %36 = iree_tensor_ext.bitcast %35 : tensor<?xi8>{%dim_9} -> tensor<?xf8E5M2FNUZ>{%dim_9}
    util.return %36 : tensor<?xf8E5M2FNUZ>
  }
  util.func private @main_5(%arg0: tensor<?xf8E4M3FN>) -> tensor<?xf32> {
    %cst = arith.constant dense<127> : tensor<i32>
    %cst_0 = arith.constant dense<20> : tensor<i32>
    %cst_1 = arith.constant dense<128> : tensor<i32>
    %cst_2 = arith.constant dense<0x7FC00000> : tensor<f32>
    %c8_i64 = arith.constant 8 : i64
    %c127_i64 = arith.constant 127 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c1006632960_i32 = arith.constant 1006632960 : i32
    %cst_3 = arith.constant 0.001953125 : f32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf8E4M3FN>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf8E4M3FN>{%dim}
    %dim_4 = tensor.dim %0, %c0 : tensor<?xf8E4M3FN>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf8E4M3FN>{%dim_4} -> tensor<?xi8>{%dim_4}
    %dim_5 = tensor.dim %1, %c0 : tensor<?xi8>
    %2 = tensor.empty(%dim_5) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%1 : tensor<?xi8>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i8, %out: i32):
      %20 = arith.extui %in : i8 to i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.shli %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%5 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %20 = arith.addi %in, %c1006632960_i32 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %dim_6 = tensor.dim %6, %c0 : tensor<?xi32>
    %7 = iree_tensor_ext.bitcast %6 : tensor<?xi32>{%dim_6} -> tensor<?xf32>{%dim_6}
    %8 = tensor.empty(%dim_5) : tensor<?xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i32, %out: f32):
      %20 = arith.sitofp %in : i32 to f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%9 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.mulf %in, %cst_3 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %11 = tensor.empty(%dim_5) : tensor<?xi1>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi slt, %20, %c8_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %13 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%12, %10, %7 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %14 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%14 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi ne, %20, %c0_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %16 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.negf %in : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %17 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%15, %16, %13 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %18 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi eq, %20, %c127_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %19 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%18, %cst_2, %17 : tensor<?xi1>, tensor<f32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    util.return %19 : tensor<?xf32>
  }
  util.func private @main_6(%arg0: tensor<?xf8E4M3FNUZ>) -> tensor<?xf32> {
    %cst = arith.constant dense<127> : tensor<i32>
    %cst_0 = arith.constant dense<20> : tensor<i32>
    %cst_1 = arith.constant dense<128> : tensor<i32>
    %cst_2 = arith.constant dense<0x7FC00000> : tensor<f32>
    %c128_i64 = arith.constant 128 : i64
    %c8_i64 = arith.constant 8 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c998244352_i32 = arith.constant 998244352 : i32
    %cst_3 = arith.constant 9.765625E-4 : f32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf8E4M3FNUZ>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf8E4M3FNUZ>{%dim}
    %dim_4 = tensor.dim %0, %c0 : tensor<?xf8E4M3FNUZ>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf8E4M3FNUZ>{%dim_4} -> tensor<?xi8>{%dim_4}
    %dim_5 = tensor.dim %1, %c0 : tensor<?xi8>
    %2 = tensor.empty(%dim_5) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%1 : tensor<?xi8>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i8, %out: i32):
      %20 = arith.extui %in : i8 to i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.shli %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%5 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %20 = arith.addi %in, %c998244352_i32 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %dim_6 = tensor.dim %6, %c0 : tensor<?xi32>
    %7 = iree_tensor_ext.bitcast %6 : tensor<?xi32>{%dim_6} -> tensor<?xf32>{%dim_6}
    %8 = tensor.empty(%dim_5) : tensor<?xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i32, %out: f32):
      %20 = arith.sitofp %in : i32 to f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%9 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.mulf %in, %cst_3 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %11 = tensor.empty(%dim_5) : tensor<?xi1>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi slt, %20, %c8_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %13 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%12, %10, %7 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %14 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%14 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi ne, %20, %c0_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %16 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.negf %in : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %17 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%15, %16, %13 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %18 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi eq, %20, %c128_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %19 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%18, %cst_2, %17 : tensor<?xi1>, tensor<f32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    util.return %19 : tensor<?xf32>
  }
  util.func private @main_7(%arg0: tensor<?xf8E5M2>) -> tensor<?xf32> {
    %cst = arith.constant dense<127> : tensor<i32>
    %cst_0 = arith.constant dense<21> : tensor<i32>
    %cst_1 = arith.constant dense<128> : tensor<i32>
    %cst_2 = arith.constant dense<0x7FC00000> : tensor<f32>
    %cst_3 = arith.constant dense<0x7F800000> : tensor<f32>
    %c124_i64 = arith.constant 124 : i64
    %c4_i64 = arith.constant 4 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c939524096_i32 = arith.constant 939524096 : i32
    %cst_4 = arith.constant 1.52587891E-5 : f32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf8E5M2>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf8E5M2>{%dim}
    %dim_5 = tensor.dim %0, %c0 : tensor<?xf8E5M2>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf8E5M2>{%dim_5} -> tensor<?xi8>{%dim_5}
    %dim_6 = tensor.dim %1, %c0 : tensor<?xi8>
    %2 = tensor.empty(%dim_6) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%1 : tensor<?xi8>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i8, %out: i32):
      %25 = arith.extui %in : i8 to i32
      linalg.yield %25 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_8: i32, %out: i32):
      %25 = arith.andi %in, %in_8 : i32
      linalg.yield %25 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_8: i32, %out: i32):
      %25 = arith.shli %in, %in_8 : i32
      linalg.yield %25 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%5 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %25 = arith.addi %in, %c939524096_i32 : i32
      linalg.yield %25 : i32
    } -> tensor<?xi32>
    %dim_7 = tensor.dim %6, %c0 : tensor<?xi32>
    %7 = iree_tensor_ext.bitcast %6 : tensor<?xi32>{%dim_7} -> tensor<?xf32>{%dim_7}
    %8 = tensor.empty(%dim_6) : tensor<?xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i32, %out: f32):
      %25 = arith.sitofp %in : i32 to f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%9 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %25 = arith.mulf %in, %cst_4 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %11 = tensor.empty(%dim_6) : tensor<?xi1>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %25 = arith.extsi %in : i32 to i64
      %26 = arith.cmpi slt, %25, %c4_i64 : i64
      linalg.yield %26 : i1
    } -> tensor<?xi1>
    %13 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%12, %10, %7 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_8: f32, %in_9: f32, %out: f32):
      %25 = arith.select %in, %in_8, %in_9 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %14 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_8: i32, %out: i32):
      %25 = arith.andi %in, %in_8 : i32
      linalg.yield %25 : i32
    } -> tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%14 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %25 = arith.extsi %in : i32 to i64
      %26 = arith.cmpi ne, %25, %c0_i64 : i64
      linalg.yield %26 : i1
    } -> tensor<?xi1>
    %16 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %25 = arith.negf %in : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %17 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%15, %16, %13 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_8: f32, %in_9: f32, %out: f32):
      %25 = arith.select %in, %in_8, %in_9 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %18 = tensor.empty() : tensor<f32>
    %19 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = []} ins(%cst_3 : tensor<f32>) outs(%18 : tensor<f32>) {
    ^bb0(%in: f32, %out: f32):
      %25 = arith.negf %in : f32
      linalg.yield %25 : f32
    } -> tensor<f32>
    %20 = linalg.generic {indexing_maps = [#map, #map1, #map1, #map], iterator_types = ["parallel"]} ins(%15, %19, %cst_3 : tensor<?xi1>, tensor<f32>, tensor<f32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_8: f32, %in_9: f32, %out: f32):
      %25 = arith.select %in, %in_8, %in_9 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %21 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %25 = arith.extsi %in : i32 to i64
      %26 = arith.cmpi eq, %25, %c124_i64 : i64
      linalg.yield %26 : i1
    } -> tensor<?xi1>
    %22 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%21, %20, %17 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_8: f32, %in_9: f32, %out: f32):
      %25 = arith.select %in, %in_8, %in_9 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %25 = arith.extsi %in : i32 to i64
      %26 = arith.cmpi sgt, %25, %c124_i64 : i64
      linalg.yield %26 : i1
    } -> tensor<?xi1>
    %24 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%23, %cst_2, %22 : tensor<?xi1>, tensor<f32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_8: f32, %in_9: f32, %out: f32):
      %25 = arith.select %in, %in_8, %in_9 : f32
      linalg.yield %25 : f32
    } -> tensor<?xf32>
    util.return %24 : tensor<?xf32>
  }
  util.func private @main_8(%arg0: tensor<?xf8E5M2FNUZ>) -> tensor<?xf32> {
    %cst = arith.constant dense<127> : tensor<i32>
    %cst_0 = arith.constant dense<21> : tensor<i32>
    %cst_1 = arith.constant dense<128> : tensor<i32>
    %cst_2 = arith.constant dense<0x7FC00000> : tensor<f32>
    %c128_i64 = arith.constant 128 : i64
    %c4_i64 = arith.constant 4 : i64
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c931135488_i32 = arith.constant 931135488 : i32
    %cst_3 = arith.constant 7.62939453E-6 : f32
    %dim = tensor.dim %arg0, %c0 : tensor<?xf8E5M2FNUZ>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf8E5M2FNUZ>{%dim}
    %dim_4 = tensor.dim %0, %c0 : tensor<?xf8E5M2FNUZ>
    %1 = iree_tensor_ext.bitcast %0 : tensor<?xf8E5M2FNUZ>{%dim_4} -> tensor<?xi8>{%dim_4}
    %dim_5 = tensor.dim %1, %c0 : tensor<?xi8>
    %2 = tensor.empty(%dim_5) : tensor<?xi32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%1 : tensor<?xi8>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i8, %out: i32):
      %20 = arith.extui %in : i8 to i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%4, %cst_0 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.shli %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%5 : tensor<?xi32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %out: i32):
      %20 = arith.addi %in, %c931135488_i32 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %dim_6 = tensor.dim %6, %c0 : tensor<?xi32>
    %7 = iree_tensor_ext.bitcast %6 : tensor<?xi32>{%dim_6} -> tensor<?xf32>{%dim_6}
    %8 = tensor.empty(%dim_5) : tensor<?xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i32, %out: f32):
      %20 = arith.sitofp %in : i32 to f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%9 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.mulf %in, %cst_3 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %11 = tensor.empty(%dim_5) : tensor<?xi1>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi slt, %20, %c4_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %13 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%12, %10, %7 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %14 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel"]} ins(%3, %cst_1 : tensor<?xi32>, tensor<i32>) outs(%2 : tensor<?xi32>) {
    ^bb0(%in: i32, %in_7: i32, %out: i32):
      %20 = arith.andi %in, %in_7 : i32
      linalg.yield %20 : i32
    } -> tensor<?xi32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%14 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi ne, %20, %c0_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %16 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%13 : tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %20 = arith.negf %in : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %17 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]} ins(%15, %16, %13 : tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    %18 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xi32>) outs(%11 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %20 = arith.extsi %in : i32 to i64
      %21 = arith.cmpi eq, %20, %c128_i64 : i64
      linalg.yield %21 : i1
    } -> tensor<?xi1>
    %19 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel"]} ins(%18, %cst_2, %17 : tensor<?xi1>, tensor<f32>, tensor<?xf32>) outs(%8 : tensor<?xf32>) {
    ^bb0(%in: i1, %in_7: f32, %in_8: f32, %out: f32):
      %20 = arith.select %in, %in_7, %in_8 : f32
      linalg.yield %20 : f32
    } -> tensor<?xf32>
    util.return %19 : tensor<?xf32>
  }
}

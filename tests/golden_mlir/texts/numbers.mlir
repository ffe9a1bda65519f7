module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}, %arg2: !hal.buffer_view {iree.abi.output = 1 : index}, %arg3: !hal.buffer_view {iree.abi.output = 2 : index}, %arg4: !hal.buffer_view {iree.abi.output = 3 : index}) -> (tensor<i64>, tensor<f64>, tensor<i1>, tensor<i64>) {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %cst = arith.constant 5.000000e-01 : f64
    %0 = arith.cmpi eq, %dim, %dim : index
    %1 = arith.index_cast %dim : index to i64
    %2 = arith.index_cast %dim : index to i64
    %from_elements = tensor.from_elements %2 : tensor<i64>
    %from_elements_0 = tensor.from_elements %cst : tensor<f64>
    %3 = arith.extui %0 : i1 to i8
    %from_elements_1 = tensor.from_elements %3 : tensor<i8>
    %4 = arith.trunci %from_elements_1 : tensor<i8> to tensor<i1>
    %from_elements_2 = tensor.from_elements %1 : tensor<i64>
    return %from_elements, %from_elements_0, %4, %from_elements_2 : tensor<i64>, tensor<f64>, tensor<i1>, tensor<i64>
  }
}

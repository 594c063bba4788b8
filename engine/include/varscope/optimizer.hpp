// SPDX-License-Identifier: Apache-2.0
// Optimizers: operations that change variables along the gradients of a loss. Names, formulas and defaults
// are those of TensorFlow 1.x's tf.train; docs/training.md shows them at work.
//
//   auto optimizer = vs::AdamOptimizer(0.001);
//   auto step = vs::get_or_create_global_step();
//   auto train = optimizer.minimize(loss, {.global_step = step});
//   for (...) session.run(feeds, {train, loss});
//
// A run of what minimize() returns is one step: all variables, slots and the global step get their new values
// in one commit, or none if the run throws. Everything in the run reads the variables as they were before it.
//
// Slots are variables beside those that are trained: not trainable, in "variables", saved and restored like
// any other. Their names follow from the trained variable and the optimizer alone, whatever scopes, reuse
// flags, partitioners or getters are in force: "conv1/weights/Adam", then "conv1/weights/Adam_1"; a second
// optimizer of the same name goes on with "_2" (SEMANTICS OP1, OP2, decision 9). Of a part of a partitioned
// variable they are parts of "<variable>/Adam".
//
// Where the loss takes nothing but rows of a variable (gather(), embedding_lookup()) and its gradient comes
// as gradients() or clip_by_global_norm() gave it, a step changes these rows and those of the slots alone,
// with the sums of the gradients of rows that were taken several times: TensorFlow's rules for IndexedSlices.
// AdamOptimizer decays its means in all rows, as there, and so moves all of them.
#pragma once

#include <varscope/export.hpp>
#include <varscope/source_location.hpp>
#include <varscope/tensor.hpp>
#include <varscope/tensor_like.hpp>
#include <varscope/variable.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace varscope {

namespace detail {
class OptimizerBody;
}

/// A variable and its gradient; an empty Tensor if the loss does not depend on the variable.
struct GradientAndVariable {
  Tensor gradient;
  Variable variable;
};

struct ComputeGradientsOptions {
  /// What to train; empty: the trainable variables of the loss's graph. A partitioned variable means its
  /// parts.
  std::vector<Variable> var_list = {};
  /// The gradient with regard to the loss, of its shape; empty: ones.
  Tensor grad_loss = {};
};

struct ApplyGradientsOptions {
  /// An integer scalar that every step adds 1 to, after the updates (SEMANTICS OP9).
  Variable global_step = {};
  std::string name = {};  // of the operation; empty: the optimizer's
};

struct MinimizeOptions {
  Variable global_step = {};
  std::vector<Variable> var_list = {};
  Tensor grad_loss = {};
  std::string name = {};
};

/// What all optimizers do. One object may be used by one thread at a time, and for several losses and graphs;
/// it remembers the slots that it made. Moves, but does not copy.
class VARSCOPE_API Optimizer {
 public:
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;
  virtual ~Optimizer();

  /// "Adam": the default name of its operations, and what its slots are called.
  const std::string& name() const noexcept;

  /// compute_gradients() and apply_gradients(). Throws what they throw.
  Operation minimize(const Tensor& loss, const MinimizeOptions& options = {},
                     SourceLocation where = SourceLocation::current());

  /// The gradients of the loss (of its sum, if it is no scalar) with regard to each variable, in order; an
  /// empty Tensor where there is none. Throws ValueError if there is no variable, or one is not float32 or
  /// float64, and what gradients() throws.
  std::vector<GradientAndVariable> compute_gradients(const Tensor& loss,
                                                     const ComputeGradientsOptions& options = {},
                                                     SourceLocation where = SourceLocation::current());

  /// Adds the operation that makes a step: "Adam/update_conv1/weights/ApplyAdam" for each variable with a
  /// gradient, then its constraint, if it has one (SEMANTICS P2), then what makes all of them run, "Adam",
  /// which is also added to the collection "train_op" (OP8, OP10). With a global step "Adam" is the operation
  /// that increments it, and the group is "Adam/update". Makes the slots that are missing.
  ///
  /// Throws ValueError if the list is empty or has no gradient (both say which variables), if the shape of a
  /// gradient differs from its variable's, or a constraint changes it; TypeError for another dtype, a
  /// learning rate that is no floating scalar, or a global step that is no integer scalar;
  /// FailedPreconditionError for a variable that is not a single one; RuntimeError if the graph is finalized.
  Operation apply_gradients(const std::vector<GradientAndVariable>& grads_and_vars,
                            const ApplyGradientsOptions& options = {},
                            SourceLocation where = SourceLocation::current());

  /// The slot of a variable, such as "momentum"; refers to nothing if there is none yet.
  Variable get_slot(const Variable& variable, std::string_view name) const;
  /// The names that get_slot() knows, in alphabetical order; empty before the first apply_gradients().
  std::vector<std::string> get_slot_names() const;
  /// Everything that it keeps besides the variables it trains, in the order of creation: slots and, of Adam,
  /// the powers of the betas. Those of one graph.
  std::vector<Variable> variables(const Graph& graph) const;

 protected:
  explicit Optimizer(std::unique_ptr<detail::OptimizerBody> body) noexcept;

 private:
  std::unique_ptr<detail::OptimizerBody> body_;
};

// Every number below may be a Tensor or a Variable instead: a learning rate that follows a schedule
// (learning_rate.hpp), or one that the program assigns. A number becomes a float32 constant, as in
// TensorFlow, and is converted to the dtype of each variable; give a float64 tensor for more digits than
// float32 has. In the formulas g is the gradient.

struct GradientDescentOptions {
  std::string name = "GradientDescent";
};

/// v -= learning_rate g. No slots.
class VARSCOPE_API GradientDescentOptimizer : public Optimizer {
 public:
  explicit GradientDescentOptimizer(const TensorLike& learning_rate, GradientDescentOptions options = {});
};

struct MomentumOptions {
  bool use_nesterov = false;
  std::string name = "Momentum";
};

/// a = momentum a + g; v -= learning_rate a, or with Nesterov's momentum v -= learning_rate (g + momentum a).
/// Slot "momentum": a, from 0; its variable is "<v>/Momentum".
class VARSCOPE_API MomentumOptimizer : public Optimizer {
 public:
  MomentumOptimizer(const TensorLike& learning_rate, const TensorLike& momentum,
                    MomentumOptions options = {});
};

struct AdagradOptions {
  double initial_accumulator_value = 0.1;
  std::string name = "Adagrad";
};

/// a += g^2; v -= learning_rate g / sqrt(a). Slot "accumulator": a, from initial_accumulator_value, which
/// must be positive (else ValueError); its variable is "<v>/Adagrad".
class VARSCOPE_API AdagradOptimizer : public Optimizer {
 public:
  explicit AdagradOptimizer(const TensorLike& learning_rate, AdagradOptions options = {});
};

struct RMSPropOptions {
  TensorLike decay = 0.9;
  TensorLike momentum = 0.0;
  TensorLike epsilon = 1e-10;
  bool centered = false;
  std::string name = "RMSProp";
};

/// s += (1 - decay) (g^2 - s); m = momentum m + learning_rate g / sqrt(s + epsilon); v -= m. Centered:
/// c += (1 - decay) (g - c), and s - c^2 takes the place of s under the root. (The epsilon is under the root,
/// and the learning rate is within m: PyTorch does neither.)
/// Slots, in the order of their variables "<v>/RMSProp", "<v>/RMSProp_1", ...: "rms": s, from 1; "mg": c,
/// from 0, if centered; "momentum": m, from 0.
class VARSCOPE_API RMSPropOptimizer : public Optimizer {
 public:
  explicit RMSPropOptimizer(const TensorLike& learning_rate, RMSPropOptions options = {});
};

struct AdamOptions {
  TensorLike beta1 = 0.9;
  TensorLike beta2 = 0.999;
  TensorLike epsilon = 1e-8;
  std::string name = "Adam";
};

/// In step t, counted from 1: m += (1 - beta1) (g - m); s += (1 - beta2) (g^2 - s);
/// v -= learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(s) + epsilon). (This epsilon is the one
/// that Kingma and Ba call epsilon hat, in the form before their section 2.1: PyTorch's is larger by the
/// factor 1 / sqrt(1 - beta2^t).)
/// Slots "m" and "v": m and s, from 0; their variables are "<v>/Adam" and "<v>/Adam_1". The powers of the
/// betas are variables "beta1_power" and "beta2_power", float32, from beta1 and beta2, which the numbers must
/// then be: give those as numbers.
class VARSCOPE_API AdamOptimizer : public Optimizer {
 public:
  explicit AdamOptimizer(const TensorLike& learning_rate = 0.001, AdamOptions options = {});
};

}  // namespace varscope

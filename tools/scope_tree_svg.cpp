// SPDX-License-Identifier: Apache-2.0
// The scope tree as SVG. Layout: a column for each depth, everything that has children beside their middle.
#include "scope_tree.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <utility>

namespace varscope::tools {

namespace {

// In pixels; text is monospaced, so that its width is known without a font.
constexpr double kCharacterWidth = 7.25;
constexpr double kLineHeight = 16;
constexpr double kPadding = 8;
constexpr double kRowGap = 8;
constexpr double kColumnGap = 40;
constexpr double kMargin = 16;

enum class BoxKind { scope, variable, shared_variable };

struct Box {
  BoxKind kind;
  std::vector<std::string> lines;  // the first one is the name
  std::size_t column;
  double top = 0;
  std::vector<Box> children = {};

  double width() const {
    std::size_t longest = 0;
    for (const std::string& line : lines) longest = std::max(longest, line.size());
    return static_cast<double>(longest) * kCharacterWidth + 2 * kPadding;
  }
  double height() const { return static_cast<double>(lines.size()) * kLineHeight + 2 * kPadding; }
  double middle() const { return top + height() / 2; }
};

Box box_of(const ScopeTree::Node& node, std::size_t column) {
  Box box{BoxKind::scope, {node.name.empty() ? "\"\"" : node.name}, column};
  for (const std::string& prefix : node.op_prefixes) box.lines.push_back("ops " + prefix);
  for (const ScopeTree::Leaf& leaf : node.variables)
    box.children.push_back({leaf.times > 1 ? BoxKind::shared_variable : BoxKind::variable,
                            {leaf.name, description(leaf)},
                            column + 1});
  for (const ScopeTree::Node& scope : node.scopes) box.children.push_back(box_of(scope, column + 1));
  return box;
}

void move_down(Box& box, double distance) {
  box.top += distance;
  for (Box& child : box.children) move_down(child, distance);
}

// Places a box and all below it from `top` on; gives where the next may begin.
double place(Box& box, double top) {
  double bottom = top;
  for (Box& child : box.children) bottom = place(child, bottom);
  const double children_height = bottom - top - (box.children.empty() ? 0 : kRowGap);
  const double height = box.height();
  if (height <= children_height) {
    box.top = top + (children_height - height) / 2;
    return bottom;
  }
  // The box is taller than its children together: they stand beside its middle.
  for (Box& child : box.children) move_down(child, (height - children_height) / 2);
  box.top = top;
  return top + height + kRowGap;
}

void measure(const Box& box, std::vector<double>& widths) {
  if (widths.size() <= box.column) widths.resize(box.column + 1);
  widths[box.column] = std::max(widths[box.column], box.width());
  for (const Box& child : box.children) measure(child, widths);
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // XML knows no other control characters; what is not ASCII stays as the program wrote it.
        result += static_cast<unsigned char>(character) < ' ' ? '?' : character;
    }
  }
  return result;
}

const char* class_of(BoxKind kind) {
  switch (kind) {
    case BoxKind::scope:
      return "scope";
    case BoxKind::variable:
      return "variable";
    case BoxKind::shared_variable:
      break;
  }
  return "shared";
}

class SvgWriter {
 public:
  explicit SvgWriter(std::vector<double> column_lefts) : lefts_(std::move(column_lefts)) {}

  std::string text;

  void add(const Box& box) {
    const double left = lefts_[box.column];
    for (const Box& child : box.children) {
      const double from = left + box.width();
      const double to = lefts_[child.column];
      const double bend = (from + to) / 2;
      text += formatted("<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", from, box.middle(), bend,
                        box.middle(), bend, child.middle(), to, child.middle());
    }
    text += formatted(R"(<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%d"/>)",
                      class_of(box.kind), left, box.top, box.width(), box.height(),
                      box.kind == BoxKind::scope ? 2 : 10);
    text += '\n';
    double baseline = box.top + kPadding + kLineHeight * 0.75;
    for (std::size_t line = 0; line < box.lines.size(); ++line, baseline += kLineHeight)
      text += formatted("<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", line == 0 ? "name" : "detail",
                        left + kPadding, baseline) +
              escaped(box.lines[line]) + "</text>\n";
    for (const Box& child : box.children) add(child);
  }

 private:
  std::vector<double> lefts_;
};

constexpr const char* kStyle = R"(<style>
text { font-family: monospace; font-size: 12px; white-space: pre; fill: #1a1a1a; }
text.name { font-weight: bold; }
text.detail { fill: #444444; }
rect.scope { fill: #e8f0fb; stroke: #35639b; }
rect.variable { fill: #ffffff; stroke: #777777; }
rect.shared { fill: #fff2cc; stroke: #b07d00; }
path { fill: none; stroke: #8a8a8a; }
</style>
)";

constexpr std::string_view kLegend =
    "box: variable scope, with the op-name prefixes opened for it; rounded: variable; yellow: shared";

}  // namespace

std::string to_svg(const ScopeTree& tree) {
  std::vector<Box> boxes;
  std::vector<double> widths;
  double bottom = kMargin;
  for (const ScopeTree::Node& root : tree.roots()) {
    boxes.push_back(box_of(root, 0));
    bottom = place(boxes.back(), bottom);
    measure(boxes.back(), widths);
  }
  std::vector<double> lefts;
  double right = kMargin;
  for (const double width : widths) {
    lefts.push_back(right);
    right += width + kColumnGap;
  }
  const double legend_width = static_cast<double>(kLegend.size()) * kCharacterWidth + kMargin;
  const double width = std::max(right - kColumnGap, legend_width) + kMargin;
  const double height = bottom + kLineHeight + kMargin;

  SvgWriter writer(std::move(lefts));
  writer.text = formatted(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n",
      width, height, width, height);
  writer.text += "<title>Variable scopes</title>\n";
  writer.text += kStyle;
  writer.text += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  for (const Box& box : boxes) writer.add(box);
  writer.text += formatted("<text class=\"detail\" x=\"%.1f\" y=\"%.1f\">", kMargin, bottom + kLineHeight) +
                 escaped(kLegend) + "</text>\n</svg>\n";
  return std::move(writer.text);
}

}  // namespace varscope::tools

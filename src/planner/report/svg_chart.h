#pragma once
/// Charts as inline SVG: scales, axes, marks. Lengths are user units, about a pixel each on a desktop screen.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace smol::report {

/// Maps values to positions. Values outside its range map outside of the drawing: filter them.
class Scale {
 public:
  struct Options {
    double begin = 0, end = 1;  ///< positions of the lowest and highest value; begin > end for upwards
    int max_ticks = 8;
    bool from_zero = false;                    ///< linear ones begin at 0
    double minimum = -1e300, maximum = 1e300;  ///< a margin does not go beyond
    double least_range = 0;                    ///< of linear ones: values closer together are not spread over all of it
  };
  /// Covers the values (finite; positive ones where it turns out logarithmic) with a margin. Logarithmic when all values are
  /// positive and the greatest is more than kLogarithmicFrom times the least, unless `from_zero` or `linear`.
  static Scale over(const std::vector<double>& values, const Options& options, bool linear = false);
  static constexpr double kLogarithmicFrom = 8;

  [[nodiscard]] double at(double value) const;
  [[nodiscard]] bool logarithmic() const { return logarithmic_; }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }
  /// Round values in the range, rising.
  [[nodiscard]] const std::vector<double>& ticks() const { return ticks_; }

 private:
  double low_ = 0, high_ = 1, begin_ = 0, end_ = 1;
  bool logarithmic_ = false;
  std::vector<double> ticks_;
};

/// Shapes of equal area, one a rendition.
enum class Shape { kCircle, kSquare, kTriangle, kDiamond, kDownTriangle, kPlus, kStar, kHexagon };
inline constexpr int kNumShapes = 8;
/// Path data around (0, 0), about 2 * radius wide.
[[nodiscard]] std::string shape_path(Shape shape, double radius);

/// Grows an SVG picture. Texts are escaped here, css classes are not.
class Drawing {
 public:
  Drawing(double width, double height) : width_(width), height_(height) {}
  enum class Anchor { kStart, kMiddle, kEnd };

  void line(double x1, double y1, double x2, double y2, std::string_view css);
  void rect(double x, double y, double width, double height, std::string_view css, std::string_view style = {});
  void circle(double x, double y, double radius, std::string_view css);
  void path(std::string_view data, std::string_view css);
  void text(double x, double y, std::string_view text, std::string_view css = {}, Anchor anchor = Anchor::kStart);
  /// A mark at (x, y) with what pointing at it shows. `color` is a CSS value; `id` lands in data-plan.
  void mark(double x, double y, Shape shape, double radius, std::string_view css, std::string_view color,
            std::string_view id, std::string_view title);
  /// Elements until close() belong together; `title` is shown on pointing at them.
  void open(std::string_view css, std::string_view title = {}, std::string_view style = {});
  void close() { body_ += "</g>\n"; }

  /// The scale's ticks as vertical grid lines between `top` and `bottom`, texts below.
  void x_axis(const Scale& scale, double top, double bottom, std::string_view title);
  /// Ticks as horizontal grid lines between `left` and `right`, texts left of them; `factor` multiplies what is shown.
  void y_axis(const Scale& scale, double left, double right, double factor = 1);

  /// The picture; `label` tells what it shows to those who do not see it, `css` says on which widths it is shown.
  [[nodiscard]] std::string svg(std::string_view label, std::string_view css) const;

 private:
  double width_, height_;
  std::string body_;
};

/// An estimate of how wide a text is; never far too small.
[[nodiscard]] double text_width(std::string_view text, double font_size);

/// Widths of drawings: for screens and paper, and for phones. Both are in the page; style sheets choose.
inline constexpr double kWide = 1120, kNarrow = 400;
/// A figure of drawings for wide and for narrow pages. `label` as in Drawing::svg().
[[nodiscard]] std::string figure(std::string_view label, const std::function<Drawing(double width)>& draw,
                                 double wide = kWide);

}  // namespace smol::report

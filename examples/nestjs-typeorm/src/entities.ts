import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
} from "typeorm";

@Entity("authors")
export class Author {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  name!: string;
}

@Entity("categories")
export class Category {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { unique: true })
  slug!: string;

  @Column("text")
  name!: string;
}

@Entity("books")
export class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  title!: string;

  @Column("int", { name: "price_cents" })
  priceCents!: number;

  @ManyToOne(() => Author)
  @JoinColumn({ name: "author_id" })
  author!: Author;

  @ManyToOne(() => Category)
  @JoinColumn({ name: "category_id" })
  category!: Category;

  @OneToOne(
    () => Stock,
    (stock) => stock.book,
  )
  stock!: Stock;
}

/** Apart from the books: it changes with every order. */
@Entity("stock")
export class Stock {
  @PrimaryColumn("int", { name: "book_id" })
  bookId!: number;

  @Column("int")
  quantity!: number;

  @OneToOne(
    () => Book,
    (book) => book.stock,
  )
  @JoinColumn({ name: "book_id" })
  book!: Book;
}

@Entity("customers")
export class Customer {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  name!: string;

  @Column("text", { unique: true })
  email!: string;

  @CreateDateColumn({ name: "joined_at", type: "timestamptz" })
  joinedAt!: Date;
}

@Entity("reviews")
export class Review {
  @PrimaryColumn("int", { name: "book_id" })
  bookId!: number;

  @PrimaryColumn("int", { name: "customer_id" })
  customerId!: number;

  @Column("smallint")
  rating!: number;

  @Column("text")
  body!: string;

  @CreateDateColumn({ name: "written_at", type: "timestamptz" })
  writtenAt!: Date;

  @ManyToOne(() => Customer)
  @JoinColumn({ name: "customer_id" })
  customer!: Customer;
}

@Entity("orders")
export class Order {
  @PrimaryGeneratedColumn()
  number!: number;

  @Column("int", { name: "customer_id" })
  customerId!: number;

  @Column("int", { name: "total_cents" })
  totalCents!: number;

  @CreateDateColumn({ name: "placed_at", type: "timestamptz" })
  placedAt!: Date;

  @OneToMany(
    () => OrderLine,
    (line) => line.order,
  )
  lines!: OrderLine[];
}

@Entity("order_lines")
export class OrderLine {
  @PrimaryColumn("int", { name: "order_number" })
  orderNumber!: number;

  @PrimaryColumn("int", { name: "book_id" })
  bookId!: number;

  @Column("int")
  quantity!: number;

  @Column("int", { name: "price_cents" })
  priceCents!: number;

  @ManyToOne(
    () => Order,
    (order) => order.lines,
  )
  @JoinColumn({ name: "order_number" })
  order!: Order;

  @ManyToOne(() => Book)
  @JoinColumn({ name: "book_id" })
  book!: Book;
}
